"""The database condition of a parsed search, by the inputs that executions were made with."""

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.db.models import BooleanField, F, Func, JSONField, Q, TextField, Value
from django.db.models.functions import Coalesce, Lower
from django.db.models.lookups import Contains, Exact

from config.errors import DomainError
from config.text.numbers import MINUS, written
from executions.history.search import STATUS, VERSION, Comparison, Term, Word
from executions.models import Execution
from model_host.protocol.inputs import Scalar
from models_registry.inputs.feature_spec import FeatureSpec, Kind, choice_text
from models_registry.inputs.number_text import NumberProblem, parse_number
from models_registry.models import Feature

STATUSES = {
    "success": Execution.Status.SUCCEEDED,
    "succeeded": Execution.Status.SUCCEEDED,
    "failed": Execution.Status.FAILED,
    "running": Execution.Status.RUNNING,
    "queued": Execution.Status.QUEUED,
    "canceled": Execution.Status.CANCELED,
    "cancelled": Execution.Status.CANCELED,
}
_ID_PREFIX = re.compile(r"(?:p-)?([0-9a-f]{6,32})")
_SHORT_ID = re.compile(r"p-[0-9a-f]{0,5}")
_JSONPATH = {":": "==", "=": "==", ">": ">", "<": "<", ">=": ">=", "<=": "<="}


class UnreadableSearch(DomainError):
    """A term that has no meaning here; the sentence names it and suggests one that has."""


@dataclass(frozen=True)
class NamedInput:
    """One input as some versions have it. Another version may know the same name as another kind,
    or with other choices."""

    spec: FeatureSpec
    versions: tuple[int, ...]


def named_inputs(features: Iterable[Feature]) -> list[NamedInput]:
    """Return the inputs that a search may name, each once for all versions that have it alike."""
    alike: dict[str, NamedInput] = {}
    for feature in features:
        spec = feature.spec
        key = repr(
            (spec.name, spec.label, spec.kind, spec.choices, spec.takes_others, spec.is_sensitive)
        )
        known = alike.get(key, NamedInput(spec, ()))
        alike[key] = NamedInput(spec, (*known.versions, feature.version_id))
    return list(alike.values())


def condition(
    terms: Sequence[Term], inputs: Sequence[NamedInput], *, decimal_mark: str = "", is_owner: bool
) -> Q:
    """Build the condition under which an execution matches all ``terms``. Without ``is_owner``
    sensitive inputs and notes are never looked at. Raises UnreadableSearch."""
    seen = [known for known in inputs if is_owner or not known.spec.is_sensitive]
    found = Q()
    for term in terms:
        if isinstance(term, Word):
            holds = _word(term.text, is_owner)
        else:
            holds = _comparison(term, seen, decimal_mark or ".", is_owner)
        found &= ~holds if term.is_excluded else holds
    return found


def _word(text: str, is_owner: bool) -> Q:
    text = text.replace("\x00", "").casefold()
    holds = Q()
    read = written(text)  # a number as the person reads it is stored with a point
    for one in {text, read, text.replace(MINUS, "-"), read.replace(MINUS, "-")}:
        holds |= Q(search_text__contains=one)
        if is_owner:
            holds |= Q(search_own__contains=one)
    begins = id_begins(text)
    return holds | begins if begins else holds


def id_begins(text: str) -> Q | None:
    """The condition that an ID begins with ``text`` ("P-" and six or more characters, or these
    alone, or a whole UUID); None if no ID could."""
    text = text.casefold()
    prefix = _ID_PREFIX.fullmatch(text.replace("-", "") if len(text) == 36 else text)
    if not prefix:
        return None
    first, last = prefix[1].ljust(32, "0"), prefix[1].ljust(32, "f")
    return Q(pk__gte=uuid.UUID(first), pk__lte=uuid.UUID(last))


def too_short_for_an_id(text: str) -> str:
    """Say that ``text`` begins like an ID but has too few characters to search for; else ""."""
    return f"“{text}” is too short for an ID" if _SHORT_ID.fullmatch(text.casefold()) else ""


def _comparison(
    term: Comparison, inputs: Sequence[NamedInput], decimal_mark: str, is_owner: bool
) -> Q:
    name = term.name.casefold()
    named = [
        known
        for known in inputs
        if name in {known.spec.name.casefold(), known.spec.label.casefold()}
    ]
    if not named and not re.match(r"[^\W\d]", name):
        return _word(term.text, is_owner)  # 14:30 and 1=1 name no input: they are searched as words
    if not (term.value or term.upper):
        raise UnreadableSearch(f"Write a value after “{term.name}{term.operator}”.")
    if name == STATUS:
        return Q(status=_status(term.value))
    if name == VERSION:
        return _version(term)
    if not named:
        raise UnreadableSearch(_unknown(term.name, inputs))
    conditions = [
        Q(version__in=known.versions) & holds
        for known in named
        if (holds := _input(known.spec, term, decimal_mark)) is not None
    ]
    if not conditions:
        raise UnreadableSearch(_unfit(named[0].spec, term))
    found = conditions[0]
    for holds in conditions[1:]:
        found |= holds
    return found


def _unknown(name: str, inputs: Sequence[NamedInput]) -> str:
    known = {text.casefold(): text for i in inputs for text in (i.spec.label, i.spec.name)}
    close = get_close_matches(name.casefold(), known, n=1)
    if close:
        return f"No input is called “{name}”. Did you mean “{known[close[0]]}”?"
    return f"No input is called “{name}”. To search for the text itself, put it in quotes."


def _unfit(spec: FeatureSpec, term: Comparison) -> str:
    if spec.is_number:
        written = "..".join(filter(None, [term.value, term.upper]))
        return f"“{spec.label}” is a number. “{written}” is not."
    value = term.value or term.upper
    return f"“{spec.label}” has no larger or smaller values. Write {spec.name}:{value}."


def _status(value: str) -> str:
    try:
        return STATUSES[value.casefold()]
    except KeyError:
        known = "success, failed, running, queued or canceled"
        raise UnreadableSearch(f"No status is called “{value}”. Expected {known}.") from None


def _version(term: Comparison) -> Q:
    bounds = [text.casefold().removeprefix("v") for text in (term.value, term.upper)]
    if not all(re.fullmatch(r"[0-9]{0,9}", text) for text in bounds):
        raise UnreadableSearch(
            f"“{term.value}” is not a version. Write a number, such as version:3."
        )
    lookup = {":": "", "=": "", ">": "__gt", "<": "__lt", ">=": "__gte", "<=": "__lte"}
    if term.operator != "..":
        return Q(**{f"version__number{lookup[term.operator]}": int(bounds[0])})
    low = Q(version__number__gte=int(bounds[0])) if bounds[0] else Q()
    return low & Q(version__number__lte=int(bounds[1])) if bounds[1] else low


def _input(spec: FeatureSpec, term: Comparison, decimal_mark: str) -> Q | None:
    """The condition under which this input matches; None if no value of its kind could."""
    is_equality = term.operator in {":", "="}
    if is_equality and spec.display(None).casefold() == term.value.casefold():
        return _path(spec.name, "@ == null")
    if spec.kind in {Kind.STRING, Kind.UNUSED} and is_equality:
        return _text(spec.name, term)
    if spec.choices or spec.kind is Kind.BOOLEAN:
        if not is_equality:
            return None
        holds = _choice(spec, term)
        return holds | _text(spec.name, term) if spec.takes_others else holds
    if not spec.is_number:
        return None
    bounds = (("low", ">=", term.value), ("high", "<=", term.upper))
    if term.operator != "..":
        bounds = (("low", _JSONPATH[term.operator], term.value),) * 2
    parts, values = [], {}
    for variable, sign, text in bounds:
        number = parse_number(text, decimal_mark=decimal_mark) if text else None
        if isinstance(number, NumberProblem):
            return None
        if number is not None:
            parts.append(f"@ {sign} ${variable}")
            values[variable] = number
    return _path(spec.name, " && ".join(parts), values)


def _choice(spec: FeatureSpec, term: Comparison) -> Q:
    """The choices whose label contains the text (with ``=``: is the text), or whose value it is."""
    wanted = term.value.casefold()
    pairs: list[tuple[Scalar, str]] = [(value, str(label)) for value, label in spec.choices]
    if spec.kind is Kind.BOOLEAN and not pairs:
        pairs = [(True, "Yes"), (False, "No")]
    fitting = [
        value
        for value, label in pairs
        if wanted in {label.casefold(), choice_text(value).casefold()}
        or (term.operator == ":" and wanted in label.casefold())
    ]
    values = {f"v{index}": value for index, value in enumerate(fitting)}
    return _path(spec.name, " || ".join(f"@ == ${name}" for name in values) or "false", values)


def _text(name: str, term: Comparison) -> Q:
    stored = Func(
        F("inputs"), Value(name), function="jsonb_extract_path_text", output_field=TextField()
    )
    lookup = Contains if term.operator == ":" else Exact
    wanted = term.value.replace("\x00", "").lower()
    return Q(lookup(Lower(Coalesce(stored, Value("", TextField()))), wanted))


def _path(name: str, predicate: str, values: dict[str, Any] | None = None) -> Q:
    """A predicate of SQL/JSON on one input. Values travel as variables; types never mix, so a
    number is never compared with a text (https://www.postgresql.org/docs/16/functions-json.html)."""
    if predicate == "false":
        return Q(pk__in=[])
    path = f"$.{json.dumps(name)} ? ({predicate})"
    return Q(
        Func(
            F("inputs"),
            Func(Value(path), template="%(expressions)s::jsonpath"),
            Value(values or {}, output_field=JSONField()),
            function="jsonb_path_exists",
            output_field=BooleanField(),
        )
    )
