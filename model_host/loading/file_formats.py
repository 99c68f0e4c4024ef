"""Detection of a file's format from its first bytes, and the advice for files that hold no model.

Standard library only, since the flows use it too.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from model_host.protocol.artifact import Format

Compression = Literal["zlib", "gzip", "bz2", "lzma", "xz", "lz4"]

_COMPRESSIONS: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
# A zlib stream has no magic, but only four first pairs are written in practice (RFC 1950).
_ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_TORCH_BEFORE_ZIP = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which torch.save began its files until 2020: a pickle of its own."""
_MODEL_FILE = re.compile(
    r"\.(?:pkl|pickle|pk|p|joblib|jl|jbl|sav|skops|mdl)(?:\.(?:gz|z|bz2|xz))?$", re.I
)
_LONGEST_NAME = 80
_NAMED = 3

SAVE_IT = "Save the fitted model with joblib.dump(model, 'model.joblib') and upload that."
_UNPACK = "Unpack it and upload the model file that is in it."
_SERVED = "Only fitted scikit-learn models, saved with joblib, pickle or skops, are served here."
_CONVERTED = (
    "It is not served here: upload the fitted scikit-learn model from which it was made, saved "
    "with joblib.dump(model, 'model.joblib')."
)
_BOOSTER = (
    "Save the fitted scikit-learn estimator of that library (XGBClassifier, LGBMRegressor and the "
    "like) with joblib.dump(model, 'model.joblib'); a server with BOOSTERS_ALLOWED=1 opens it."
)
_DOWNLOAD = "Download the file itself and upload that: on GitHub by “Download raw file”."
_BINARY = "Upload the bytes themselves: a file opened with 'wb', sent as binary."


@dataclass(frozen=True)
class _Other:
    """A kind of file that is no model file: how its first bytes begin, or what they are found by;
    what it is, as words for a sentence; and what to do."""

    begins: bytes | Callable[[bytes], object]
    words: str
    way_out: str

    def is_it(self, head: bytes) -> bool:
        if isinstance(self.begins, bytes):
            return head.startswith(self.begins)
        return bool(self.begins(head))


def _matching(pattern: bytes) -> Callable[[bytes], object]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL).match


def _is_base64(head: bytes) -> bool:
    text = re.sub(rb"^data:[\w/+.;-]*base64,|^b?['\"]|['\"]?\s*$|\s", b"", head)
    if len(text) < 16:
        return False
    try:
        inner = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except binascii.Error:
        return False
    return detect_format(inner) is not None


def _is_hexadecimal(head: bytes) -> bool:
    text = re.sub(rb"\s", b"", head)
    is_hex = re.fullmatch(rb"(?:0x)?[0-9a-fA-F]{16,}", text) is not None
    digits = text.removeprefix(b"0x")
    return (
        is_hex and detect_format(bytes.fromhex(digits[: len(digits) // 2 * 2].decode())) is not None
    )


def _is_table(head: bytes) -> bool:
    """Lines of text with equally many separators."""
    if re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return False
    lines = head.splitlines()[:3]
    lines = lines[:-1] if len(lines) == 3 else lines  # the last may be cut
    return len(lines) == 2 and any(
        0 < lines[0].count(mark) == lines[1].count(mark) for mark in (b",", b";", b"\t")
    )


_OTHERS: tuple[_Other, ...] = (
    _Other(
        _matching(rb"version https://(?:git-lfs|hawser)\.github\.com/|# xet version"),
        "a Git LFS pointer, not the file itself",
        "Run git lfs pull where it was cloned, then upload the file that takes its place.",
    ),
    _Other(
        _matching(rb"\S{0,200}/?annex/objects/"),
        "a git-annex pointer, not the file itself",
        "Run git annex get where it was cloned, then upload the file that takes its place.",
    ),
    _Other(
        _matching(
            rb"(?:[ \w-]+:[^\n]*\n|- [^\n]*\n){0,30}outs:\s*\n\s*- (?=.*\b(?:path|md5|etag|hash):)"
        ),
        "a DVC file, which only names the model’s file",
        "Run dvc pull, then upload the file that stands at its path.",
    ),
    _Other(
        _matching(rb"[^\n]{1,200}\.(?:pkl|pickle|joblib|sav|skops)\s*$"),
        "the path of another file, as git writes a link",
        "Upload the file that stands there.",
    ),
    _Other(_matching(rb"(?=.{0,2000}<PMML\b)\s*<"), "a PMML model", _CONVERTED),
    _Other(
        _matching(
            rb"(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?"
            rb"<(?:!doctype html|html|head|body|script|meta)\b"
        ),
        "a web page, saved instead of the file",
        _DOWNLOAD,
    ),
    _Other(
        _matching(
            rb"404\b|not found|entry not found|repository not found|access to model|"
            rb"invalid username or password|\s*<\?xml[^>]*>\s*<error>|"
            rb"\s*\{\"(?:error|message|detail)\""
        ),
        "the answer of a server that did not give the file",
        "Download the file again, signed in if need be, and upload that.",
    ),
    _Other(
        _matching(rb"\s*\{\s*\"cells\"|(?=.*\"nbformat\")\s*\{"),
        "a Jupyter notebook",
        "Run it, and upload the model file that it saves with joblib.dump(model, 'model.joblib').",
    ),
    _Other(
        _matching(
            rb"\s*\{\s*\"(?:learner|version\"\s*:\s*\[.{0,40}\]\s*,\s*\"learner)\"|\{L.{8}learner|binf"
        ),
        "a model in XGBoost’s own format",
        _BOOSTER,
    ),
    _Other(_matching(rb"tree\r?\nversion=v\d"), "a model in LightGBM’s own format", _BOOSTER),
    _Other(
        b"CBM1",
        "a model in CatBoost’s own format",
        _SERVED,
    ),
    _Other(
        _matching(rb"(?:artifact_path|flavors|mlflow_version|model_uuid):"),
        "the description of an MLflow model",
        "Upload the model.pkl that stands beside it.",
    ),
    _Other(b"{", "JSON text", SAVE_IT),
    _Other(b"<", "XML text", SAVE_IT),
    _Other(b"\x89HDF", "an HDF5 file, as Keras writes it", _SERVED),
    _Other(
        _matching(rb"\x08[\x01-\x0f]\x12.{1,3}\x0a"),
        "a TensorFlow SavedModel or a Core ML model",
        _SERVED,
    ),
    _Other(_matching(rb".{4}TFL3"), "a TensorFlow Lite model", _SERVED),
    _Other(
        _matching(rb"\x08[\x03-\x1f][\x12\x1a\x22\x2a\x32\x3a\x42]"), "an ONNX model", _CONVERTED
    ),
    _Other(_TORCH_BEFORE_ZIP, "a PyTorch file, as torch.save writes it", _SERVED),
    _Other(b"GGUF", "a language model (GGUF)", _SERVED),
    _Other(_matching(rb".{8}\{\s*\""), "a safetensors file", _SERVED),
    _Other(b"\xac\xed\x00\x05", "a Java object, as Weka writes it", _SERVED),
    _Other(
        _matching(rb"RD[AX][23]\n|[XA]\n(?:\x00\x00\x00[\x02\x03]|[23]\n)"),
        "R data (.rds or .RData)",
        _SERVED,
    ),
    _Other(b"MATLAB 5.0", "a MATLAB file", _SERVED),
    _Other(b"\x80\x06", "a pickle of a newer protocol than 5", SAVE_IT),
    _Other(
        _matching(
            rb"c[\w.]+\r?\n[\w.]+\r?\n(?:[(pq]|g\d)|\((?:[ldt]p?\d|lp\d|dp\d|i[\w.]+\n)|[\]}]q\x00|"
            rb"\([cidl](?:copy_?reg|__builtin__)"
        ),
        "a pickle of protocol 0 or 1, which is not read here",
        "Open it where it was saved and save it again with joblib.dump(model, 'model.joblib').",
    ),
    _Other(
        b"ZF",
        "a file of joblib before 0.10",
        "Open it where it was saved and save it again with a newer joblib.",
    ),
    _Other(
        _matching(rb"\xc2\x80[\x02-\x05]|\xef\xbb\xbf\xc2\x80|\xef\xbf\xbd[\x02-\x05]"),
        "a pickle that was saved or sent as text, which destroys it",
        _BINARY,
    ),
    _Other(_matching(rb"b['\"]\\x80\\x0[2-5]"), "the text of a pickle’s bytes", _BINARY),
    _Other(
        _is_base64,
        "the base64 text of a model file",
        "Decode it (base64 -d model.txt > model.pkl) and upload the result.",
    ),
    _Other(
        _is_hexadecimal,
        "the hexadecimal text of a model file",
        "Decode it (xxd -r -p model.txt > model.pkl) and upload the result.",
    ),
    _Other(b"PK\x05\x06", "an empty zip archive", SAVE_IT),
    _Other(b"PK\x07\x08", "a part of a divided zip archive", _UNPACK),
    _Other(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    _Other(b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    _Other(b"\x28\xb5\x2f\xfd", "compressed with Zstandard", _UNPACK),
    _Other(b"\x1f\x9d", "compressed with compress (.Z)", _UNPACK),
    _Other(b"PAR1", "a Parquet table", SAVE_IT),
    _Other(_matching(rb"ARROW1|FEA1"), "a Feather table", SAVE_IT),
    _Other(b"SQLite format 3", "an SQLite database", SAVE_IT),
    _Other(b"\x93NUMPY", "a NumPy array", SAVE_IT),
    _Other(b"\xd0\xcf\x11\xe0", "an Office document", SAVE_IT),
    _Other(b"\x89PNG", "a PNG picture", SAVE_IT),
    _Other(b"\xff\xd8\xff", "a JPEG picture", SAVE_IT),
    _Other(b"%PDF", "a PDF document", SAVE_IT),
    _Other(_matching(rb"\x7fELF|MZ"), "a program", SAVE_IT),
    _Other(
        _matching(rb"(?:#[^\n]*\n|\s|\"\"\".*?\"\"\")*(?:import|from) [a-z_]"),
        "the text of a Python program",
        "Run it, and upload the model file that it saves with joblib.dump(model, 'model.joblib').",
    ),
    _Other(_is_table, "a table of data (CSV)", SAVE_IT),
)


def detect_compression(head: bytes) -> Compression | None:
    """Return how the file is compressed, None where it is not."""
    for magic, compression in _COMPRESSIONS:
        if head.startswith(magic):
            return compression
    return "zlib" if head.startswith(_ZLIB_HEADERS) else None


def detect_format(head: bytes) -> Format | None:
    """Return the format that the first bytes (some 4 KiB) show, None where it is no model file we
    open.

    Every compressed file counts as joblib's, which alone compresses. Between joblib and pickle
    the name of joblib's array wrapper decides; both are read by the same loader.
    """
    if head.startswith(b"PK\x03\x04"):
        return "skops"
    if detect_compression(head) is not None:
        return "joblib"
    if is_pickle(head):
        return "joblib" if b"joblib.numpy_pickle" in head else "pickle"
    return None


def is_pickle(head: bytes) -> bool:
    """Return whether the bytes begin as a pickle of protocol 2 to 5, or as one of 0 or 1 that says
    so."""
    begins = len(head) > 1 and head[0] == 0x80 and 0 <= head[1] <= 5
    return begins and not head.startswith(_TORCH_BEFORE_ZIP)


def describe(head: bytes) -> str:
    """Describe a file that is not a model file, and what to upload in its place. It is said of "the
    file" or by its name: "is a Git LFS pointer, not the file itself. Run git lfs pull ..."."""
    if not head:
        return (
            "is empty. Save the model again: the program that wrote it did not come to its end, or "
            "did not close the file."
        )
    head = head.removeprefix(b"\xef\xbb\xbf")
    if names := tar_names(head):
        return of_archive("tar", names)
    for other in _OTHERS:
        if other.is_it(head):
            return f"is {other.words}. {other.way_out}"
    return f"is not a joblib, pickle or skops file. {SAVE_IT}"


def tar_names(head: bytes) -> list[str]:
    """Return the files of a tar archive, as far as its first bytes show them; none for another
    file."""
    names, place = [], 0
    while head[place + 257 : place + 262] == b"ustar":
        block = head[place : place + 512]
        if block[156:157] in (b"0", b"\0"):
            names.append(block[:100].partition(b"\0")[0].decode("utf-8", "replace"))
        try:
            size = int(block[124:136].strip(b" \0") or b"0", 8)
        except ValueError:
            break
        place += 512 + -(-max(size, 0) // 512) * 512
    return names


def of_zip(names: Sequence[str]) -> str:
    """Describe a zip archive that skops did not write, by the names of its members."""
    kinds = (
        ("[Content_Types].xml", "an Office document", SAVE_IT),
        ("model.weights.h5", "a Keras model", _SERVED),
        ("saved_model.pb", "a TensorFlow SavedModel", _SERVED),
        ("model.ini", "a model of H2O", _SERVED),
        ("META-INF/MANIFEST.MF", "a Java archive", _SERVED),
    )
    for member, words, way_out in kinds:
        if any(name == member or name.endswith(f"/{member}") for name in names):
            return f"is {words}. {way_out}"
    ends = {name.rpartition("/")[2] for name in names}
    if "data.pkl" in ends and {"version", "byteorder", "constants.pkl"} & ends:
        return f"is a PyTorch file, as torch.save writes it. {_SERVED}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is a NumPy file of arrays (.npz). {SAVE_IT}"
    return of_archive("zip", names)


def of_archive(kind: str, names: Sequence[str]) -> str:
    """Describe an archive with these files, and say which of them to upload."""
    files = [
        name
        for name in names
        if not name.endswith("/") and "__MACOSX/" not in name and name.rpartition("/")[2][:1] != "."
    ]
    models = [name for name in files if _MODEL_FILE.search(name)]
    says = f"is a {kind} archive with {_listed(models or files)} in it"
    if len(models) == 1:
        return f"{says}. Unpack it and upload that."
    if models:
        return (
            f"{says}. Unpack it and upload the model; if another file prepares rows for it, put "
            "both into one Pipeline first and save that."
        )
    return f"{says}, and no file of joblib, pickle or skops. {SAVE_IT}"


def _listed(names: Sequence[str]) -> str:
    shown = [ascii(name[:_LONGEST_NAME])[1:-1] for name in names[:_NAMED]]
    if len(names) > _NAMED:
        shown.append(f"{len(names) - _NAMED} more")
    if len(shown) < 2:
        return shown[0] if shown else "nothing"
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
