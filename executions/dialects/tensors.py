"""The Open Inference Protocol: tensors of a request as rows, and columns of answers as tensors.
Pure.

https://github.com/kserve/open-inference-protocol, with Triton's extension of binary tensors: after
the JSON, whose length is in a header, the elements of each tensor follow, little-endian; a text has
its length in four bytes before it. A tensor holds one input, in the shape [n] or [n, 1]; or one
tensor of the shape [n, inputs] holds all inputs in the order of the model's training.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.text.numbers import count_text
from executions.api.problems import Refused
from executions.dialects.columns import Column, datatype_of
from executions.dialects.rows import (
    Raw,
    by_position,
    check_count,
    inputs_text,
    read_body,
)
from models_registry.inputs.input_schema import InputSchema

FORMATS = {
    "BOOL": "?", "INT8": "b", "UINT8": "B", "INT16": "h", "UINT16": "H", "INT32": "i",
    "UINT32": "I", "INT64": "q", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d", "BYTES": "",
}  # fmt: skip
"""The datatypes that are read, with the format of one element in `struct`."""
EXTENSIONS = ["binary_tensor_data"]
LONGEST_ID = 300


@dataclass(frozen=True)
class Wanted:
    """An output that is asked for, and whether it is to be binary."""

    name: str
    is_binary: bool


@dataclass(frozen=True)
class Asked:
    """A request: its rows, and the outputs it wants; none, if it wants all."""

    id: str
    rows: list[Raw]
    wanted: tuple[Wanted, ...]
    is_binary: bool


def read_request(body: bytes, json_size: str | None, schema: InputSchema) -> Asked:
    """Return what a request asks. ``json_size`` is the header with the length of the JSON, if there
    is one. Raises Refused."""
    size = len(body) if json_size is None else _size(json_size, len(body), "The header")
    content = read_body(body[:size])
    tensors = content.get("inputs")
    if not isinstance(tensors, list) or not all(isinstance(one, dict) for one in tensors):
        raise Refused(400, "The body needs “inputs”: a list of tensors.")
    given, place = [], size
    for number, tensor in enumerate(tensors, start=1):
        read = _Tensor(f"Tensor {count_text(number)}", tensor)
        place += read.take(body[place:])
        given.append(read)
    if place != len(body):
        raise Refused(400, "There are more bytes after the JSON than the tensors announce.")
    return Asked(
        id=_text(content, "id"),
        rows=_rows(given, schema),
        wanted=_wanted(content.get("outputs", [])),
        is_binary=_parameters(content, "The request").get("binary_data_output") is True,
    )


def _rows(tensors: Sequence["_Tensor"], schema: InputSchema) -> list[Raw]:
    check_count(tensors[0].count if tensors else 0)
    if len(tensors) == 1 and tensors[0].width > 1:
        only = tensors[0]
        return [
            by_position(only.values[start : start + only.width], schema, only.what)
            for start in range(0, len(only.values), only.width)
        ]
    names = schema.by_name
    rows: list[Raw] = [{} for _ in range(tensors[0].count)]
    for number, tensor in enumerate(tensors):
        if tensor.name not in names:
            known = inputs_text(schema)
            raise Refused(422, f"{tensor.what} names no input of this model, which has: {known}.")
        if tensor.name in {before.name for before in tensors[:number]}:
            raise Refused(422, f"Two tensors are for “{tensor.name}”. Send one.")
        if tensor.width != 1:
            raise Refused(422, f"{tensor.what} (“{tensor.name}”) needs the shape [n] or [n, 1].")
        if tensor.count != len(rows):
            raise Refused(
                422,
                f"{tensor.what} (“{tensor.name}”) has {count_text(tensor.count)} rows and the "
                f"first has {count_text(len(rows))}. Send as many in each.",
            )
        for row, value in zip(rows, tensor.values, strict=True):
            row[tensor.name] = value
    return rows


class _Tensor:
    """One tensor of a request: ``count`` rows of ``width`` values each, row by row."""

    def __init__(self, what: str, tensor: Mapping[str, Any]) -> None:
        self.what = what
        self.name = _text(tensor, "name")
        self.count, self.width = self._shape(tensor.get("shape"))
        self.datatype = tensor.get("datatype")
        if not isinstance(self.datatype, str) or self.datatype not in FORMATS:
            raise Refused(400, f"{what} needs a “datatype”: one of {', '.join(FORMATS)}.")
        parameters = _parameters(tensor, what)
        if any(name.startswith("shared_memory") for name in parameters):
            raise Refused(422, f"{what} is in shared memory, which is not read here.")
        self._bytes = parameters.get("binary_data_size")
        if (self._bytes is None) is ("data" not in tensor):
            raise Refused(400, f"{what} needs either “data” or the parameter “binary_data_size”.")
        self.values = [] if self._bytes is not None else self._elements(tensor["data"])

    def take(self, rest: bytes) -> int:
        """Read the binary elements, if these are binary, from the beginning of ``rest``; return how
        many bytes they take."""
        if self._bytes is None:
            return 0
        size = _size(self._bytes, len(rest), f"“binary_data_size” of {self.what}")
        content = rest[:size]
        if self.datatype == "BYTES":
            self.values = self._texts(content)
        else:
            form = f"<{self.count * self.width}{FORMATS[self.datatype or '']}"
            if struct.calcsize(form) != size:
                raise self._other_size()
            self.values = [_number(one) for one in struct.unpack(form, content)]
        return size

    def _shape(self, shape: Any) -> tuple[int, int]:
        is_whole = isinstance(shape, list) and all(type(one) is int for one in shape)
        if not is_whole or len(shape) not in (1, 2) or not all(0 <= one < 2**31 for one in shape):
            raise Refused(400, f"{self.what} needs a “shape”: [n], [n, 1] or [n, inputs].")
        check_count(shape[0])
        return shape[0], shape[1] if len(shape) == 2 else 1

    def _elements(self, data: Any) -> list[Any]:
        """The elements of a JSON tensor, which may be nested as its shape is."""
        if not isinstance(data, list):
            raise Refused(400, f"“data” of {self.what} must be a list.")
        flat: list[Any] = []
        for one in data:
            flat.extend(one if isinstance(one, list) else (one,))
        if len(flat) != self.count * self.width:
            raise self._other_size()
        takes = (str, int, float) if self.datatype == "BYTES" else (int, float)
        for place, one in enumerate(flat):
            if one is not None and not isinstance(one, takes):
                raise Refused(
                    400,
                    f"{self.what} says {self.datatype}, and element {count_text(place + 1)} of its "
                    "data is something else.",
                )
        return flat

    def _texts(self, content: bytes) -> list[Any]:
        texts, place = [], 0
        for _ in range(self.count * self.width):
            if place + 4 > len(content):
                raise self._other_size()
            (length,) = struct.unpack_from("<I", content, place)
            place += 4 + length
            if place > len(content):
                raise self._other_size()
            try:
                texts.append(content[place - length : place].decode())
            except UnicodeDecodeError:
                said = f"Element {count_text(len(texts) + 1)} of {self.what} is no text in UTF-8."
                raise Refused(400, said) from None
        if place != len(content):
            raise self._other_size()
        return texts

    def _other_size(self) -> Refused:
        return Refused(400, f"The data of {self.what} has another size than its shape says.")


def _number(element: Any) -> Any:
    """NaN stands for a missing value, as in a data frame."""
    return None if isinstance(element, float) and math.isnan(element) else element


def _size(given: Any, most: int, what: str) -> int:
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
        raise Refused(400, f"{what} must be a number of bytes that the body has.")
    return int(text)


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        raise Refused(400, f"“{key}” must be a text of at most {LONGEST_ID} characters.")
    return value


def _parameters(content: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    parameters = content.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise Refused(400, f"“parameters” of {what} must be an object.")
    return parameters


def _wanted(outputs: Any) -> tuple[Wanted, ...]:
    if outputs is None:
        return ()
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise Refused(400, "“outputs” must be a list of objects with a name.")
    wanted = []
    for number, one in enumerate(outputs, start=1):
        parameters = _parameters(one, f"output {count_text(number)}")
        if parameters.keys() & {"classification", "shared_memory_region"}:
            raise Refused(
                422, f"Output {count_text(number)} asks for an extension that is not given here."
            )
        wanted.append(Wanted(_text(one, "name"), parameters.get("binary_data") is True))
    return tuple(wanted)


# --- Answers --------------------------------------------------------------------------------------


def write_answer(
    asked: Asked, columns: Sequence[Column], head: Mapping[str, Any]
) -> tuple[bytes, int | None]:
    """Return the body of the answer, and the length of its JSON where binary tensors follow it.
    Raises Refused for an output that there is not."""
    known = {column.name: column for column in columns}
    wanted = asked.wanted or tuple(Wanted(name, asked.is_binary) for name in known)
    outputs: list[Any] = []
    parts: list[bytes] = []
    for number, one in enumerate(wanted, start=1):
        column = known.get(one.name)
        if column is None:
            said = f"Output {count_text(number)} is none of this model’s outputs. They are"
            raise Refused(422, f"{said}: {', '.join(list(known)[:20])}.")
        tensor: dict[str, Any] = {
            "name": one.name,
            "datatype": column.datatype,
            "shape": [len(column.values)],
        }
        if one.is_binary:
            parts.append(_binary(column))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = column.values
        outputs.append(tensor)
    content = {**head, **({"id": asked.id} if asked.id else {}), "outputs": outputs}
    body = json.dumps(content, separators=(",", ":")).encode()
    return (b"".join([body, *parts]), len(body)) if parts else (body, None)


def _binary(column: Column) -> bytes:
    if column.datatype == "BYTES":
        texts = [str("" if one is None else one).encode(errors="replace") for one in column.values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    form = f"<{len(column.values)}{FORMATS[column.datatype]}"
    return struct.pack(form, *(math.nan if one is None else one for one in column.values))


def model_metadata(
    slug: str, number: int, schema: InputSchema, outputs: Sequence[Column]
) -> dict[str, Any]:
    """Return what the protocol says of a model: its inputs, and the outputs of its answers."""
    return {
        "name": slug,
        "versions": [str(number)],
        "platform": "scikit-learn",
        "inputs": [
            {"name": one.name, "datatype": datatype_of(one), "shape": [-1]}
            for one in schema.features
            if one.is_asked
        ],
        "outputs": [{"name": one.name, "datatype": one.datatype, "shape": [-1]} for one in outputs],
    }
