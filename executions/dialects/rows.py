"""Rows that programs send: their JSON, their number, and rows without names."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from config.text.json_text import BadJson, NumberTooLarge, read_json
from config.text.numbers import count_text
from executions.api.problems import Refused
from executions.api.reading import MOST_VALUES
from models_registry.inputs.input_schema import InputSchema

MOST_NAMED = 20

Raw = dict[str, Any]
"""The raw values of one row by the inputs' names."""


def read_body(body: bytes) -> dict[str, Any]:
    """Return the JSON mapping that a body holds. NaN, which JSON does not know and other people's
    clients write, is a missing value. Raises Refused."""
    try:
        content = read_json(
            body.decode("utf-8-sig"), "The body", max_values=MOST_VALUES, any_texts=True,
            takes_nan=True,
        )  # fmt: skip
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None
    except NumberTooLarge:
        raise Refused(400, "The body has a number that is too large for a model.") from None
    except BadJson as error:
        raise Refused(400, str(error)) from None
    if not isinstance(content, dict):
        raise Refused(400, "The body must be a JSON object.")
    return content


def by_position(values: Sequence[Any], schema: InputSchema, what: str) -> Raw:
    """Return a row whose values come in the order of the model's training, with all of its inputs.
    Raises Refused."""
    names = [feature.name for feature in schema.features]
    if len(values) != len(names):
        raise Refused(
            422,
            f"{what} has {count_text(len(values))} values without names, and the model has "
            f"{count_text(len(names))} inputs: {inputs_text(schema)}. Send all of them in this "
            "order, or send names.",
        )
    return dict(zip(names, values, strict=True))


def inputs_text(schema: InputSchema) -> str:
    """Return the names of the model's inputs, for a sentence."""
    names = [feature.name for feature in schema.features]
    more = f" and {count_text(len(names) - MOST_NAMED)} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def check_count(count: int) -> None:
    """Raise Refused for no row and for too many."""
    if not count:
        raise Refused(422, "There is no row to predict.")
    if count > settings.API_MAX_ROWS:
        raise Refused(
            413,
            f"These are more than {count_text(settings.API_MAX_ROWS)} rows. Send them in several "
            "requests.",
        )
