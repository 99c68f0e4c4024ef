"""The training configuration: facts that the person who trained a model adds to its file. Pure.

JSON or YAML. Each key stands here with what it takes and what it means: the tables of
``docs/training-configuration.md`` are made from them. Unknown keys are kept in the stored JSON.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from config.text.numbers import written
from models_registry.errors import BadTrainingConfig
from models_registry.inputs import feature_spec as spec
from models_registry.inputs.feature_spec import MAX_LABEL, MAX_NAME, Kind, Scalar
from models_registry.inputs.input_rules import MAX_RULES, RuleKind
from models_registry.inputs.number_text import show_number
from models_registry.inputs.spec_check import MAX_TEXT_LIMIT
from models_registry.training import value_readers as take
from models_registry.training.value_readers import Number, One, Reader, Unfit, YesOrNo, at

MAX_FEATURES = 2000
MAX_CLASSES = 1000
MAX_STEPS = 200
MAX_PROSE = 5000
"""Letters of a longer text, such as the model card's."""
KINDS = {
    "integer": Kind.INTEGER, "int": Kind.INTEGER,
    "float": Kind.FLOAT, "number": Kind.FLOAT, "numeric": Kind.FLOAT,
    "string": Kind.STRING, "str": Kind.STRING, "text": Kind.STRING,
    "boolean": Kind.BOOLEAN, "bool": Kind.BOOLEAN,
    "choice": Kind.CHOICE, "category": Kind.CHOICE, "categorical": Kind.CHOICE,
}  # fmt: skip
USUAL_KINDS = ("integer", "float", "string", "boolean", "choice")
LABEL = take.text(MAX_LABEL)
PROSE = take.text(MAX_PROSE)
Name = Annotated[str, take.text(MAX_NAME)]
Label = Annotated[str, LABEL]
Unit = Annotated[str, take.text(spec.MAX_UNIT)]
Help = Annotated[str, take.text(spec.MAX_HELP)]
Group = Annotated[str, take.text(spec.MAX_GROUP)]
Prose = Annotated[str, PROSE]
_SHORT = partial(take.scalar, most=MAX_LABEL)
RULES = {kind.value: kind for kind in RuleKind}

Pairs = tuple[tuple[Scalar, str], ...]


def _choice(given: Any) -> tuple[Scalar, str]:
    if isinstance(given, list) or (isinstance(given, dict) and "value" not in given):
        raise Unfit("must be a value, or a mapping with “value”. Correct it.")
    if not isinstance(given, dict):
        return take.scalar(given, MAX_LABEL), str(given)
    value = at("value", _SHORT, given["value"])
    return value, at("label", LABEL.read, given.get("label", value))


def _pairs(given: Any, most: int = spec.MAX_CHOICES) -> Pairs:
    """(value, label) pairs; a key of a mapping is a text, whatever the value is."""
    if not isinstance(given, dict | list):
        raise Unfit("must be a list of values, or a mapping of values to labels. Write [a, b].")
    take.few(given, most, "values")
    if isinstance(given, list):
        return tuple(at(f"[{index}]", _choice, one) for index, one in enumerate(given))
    return tuple((_SHORT(value), at(value, LABEL.read, label)) for value, label in given.items())


@dataclass(frozen=True)
class ClassLabels:
    """Labels by class. ``is_list``: they were written as a list, so each class has one;
    ``is_in_order``: as texts alone, in the model's order of the classes."""

    pairs: Pairs = ()
    is_list: bool = False
    is_in_order: bool = False

    def by_class(self, classes: Sequence[str]) -> dict[str, str]:
        """Return the labels by the text of their class."""
        if self.is_in_order:
            return dict(zip(classes, (label for _, label in self.pairs), strict=False))
        return {str(value): label for value, label in self.pairs}


def _class_labels(given: Any) -> ClassLabels:
    pairs = _pairs(given, MAX_CLASSES)
    is_list = isinstance(given, list)
    return ClassLabels(pairs, is_list, is_list and all(isinstance(one, str) for one in given))


@dataclass(frozen=True)
class ToldStep:
    """A step of the preprocessing, as the model's author describes it."""

    name: str
    description: str = ""


def _step(given: Any) -> ToldStep:
    if isinstance(given, list):
        raise Unfit("must be a text or a mapping. Describe the step.")
    whole = PROSE.read(str(given))  # of a mapping: all its text
    if not isinstance(given, dict):
        return ToldStep(whole)
    name = str(given.get("step") or given.get("name") or given.get("type") or "Step")
    rest = [
        f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in given.items()
        if str(value) != name
    ]
    return ToldStep(name, "; ".join(rest))


def _directions(given: Any) -> str | Mapping[str, str]:
    word = take.text(take.MAX_WORDS).read
    if isinstance(given, str):
        return str(word(given))
    named = take.named("", take.MAX_WORDS).read(given)
    return {name: at(name, word, value) for name, value in named.items()}


CHOICES = Reader("list of values, list of `{value, label}`, or mapping of values to labels", _pairs)
CLASS_LABELS = Reader(
    "list of texts in the order of the model's classes, list of `{value, label}`, or mapping of "
    "classes to labels",
    _class_labels,
)
STEP = Reader("text or mapping (`step` names it, the rest is shown beside it)", _step)
DIRECTIONS = Reader("`higher` or `lower`, or mapping of names to these", _directions)


@dataclass(frozen=True)
class InputEntry:
    """What the configuration says of one input."""

    name: Annotated[Name, "the name of the training column"]
    label: Annotated[Label, "what people read; else the name in readable form"] = ""
    unit: Annotated[Unit, "after the field and the value; `€ $ £ ¥` stand before it"] = ""
    description: Annotated[Help, "the help line"] = ""
    type: Annotated[
        Kind | None,
        take.one_of(KINDS, *USUAL_KINDS),
        f"also {', '.join(f'`{word}`' for word in KINDS if word not in USUAL_KINDS)}",
    ] = None
    min: Annotated[Number, "hard: a value below is refused; inclusive, 0 is a limit"] = None
    max: Annotated[Number, "hard: a value above is refused; inclusive, 0 is a limit"] = None
    trained_min: Annotated[Number, "soft: a value below runs, with a warning"] = None
    trained_max: Annotated[Number, "soft: a value above runs, with a warning"] = None
    step: Annotated[take.Positive, "values are multiples of it, counted from `min`"] = None
    choices: Annotated[
        Pairs | None,
        CHOICES,
        "labels of the model's categories; the categories themselves where the object does not "
        "know them",
    ] = None
    other_values: Annotated[
        YesOrNo,
        "false refuses what is none of the choices although the encoder would take it; true lets "
        "other values run, with a warning, where the object does not know the categories. An "
        "encoder that refuses others cannot be opened",
    ] = None
    max_length: Annotated[
        int | None,
        take.whole(MAX_TEXT_LIMIT),
        "the most characters of a text; else the site's `TEXT_MAX_CHARACTERS` (10,000)",
    ] = None
    default: Annotated[One, "makes the input optional and fills it when it is left empty"] = None
    typical: Annotated[One, "for “Typical values” and the trial prediction"] = None
    group: Annotated[Group, "inputs of one group stand together"] = ""
    order: Annotated[
        Number, "place in the form, smallest first; inputs without one follow in training order"
    ] = None
    listed: Annotated[YesOrNo, "shown in the list of predictions"] = None
    sensitive: Annotated[
        YesOrNo, "never sent to the flow engine, logged, mailed, or kept from reference data"
    ] = None
    deprecated: Annotated[Label, "why nobody should fill it any more"] = ""

    def __post_init__(self) -> None:
        _in_order("min", self.min, "max", self.max)
        _in_order("trained_min", self.trained_min, "trained_max", self.trained_max)


def _in_order(low: str, least: Number, high: str, most: Number) -> None:
    if least is not None and most is not None and least > most:
        above = f"{written(show_number(least))} is above {written(show_number(most))}"
        raise Unfit(f"must be at most {high}. {above}: swap them.", low)


@dataclass(frozen=True)
class Rule:
    """A rule between two inputs."""

    first: Annotated[Name, "the name of an input"]
    kind: Annotated[
        RuleKind,
        take.one_of(RULES, *RULES),
        "`first` is less than `second`, is at most `second`, or, having `value`, needs `second`",
    ]
    second: Annotated[Name, "the name of another input"]
    value: Annotated[One, "for `requires`"] = None
    message: Annotated[Help, "what people read when the rule is broken"] = ""

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise Unfit("must be another input than “first”. Name a second one.", "second")
        if self.kind is RuleKind.REQUIRES and self.value is None:
            raise Unfit("must be given for a rule of kind requires. Say which value.", "value")


@dataclass(frozen=True)
class TargetEntry:
    """What the configuration says of the answer."""

    name: Annotated[Label, "what the answer is called"] = ""
    unit: Annotated[Unit, "of a number"] = ""
    labels: Annotated[ClassLabels, CLASS_LABELS, "what the classes are called"] = field(
        default_factory=ClassLabels
    )


@dataclass(frozen=True)
class TrainingConfig:
    """The keys of a training configuration that have a meaning here."""

    features: Annotated[
        tuple[InputEntry, ...],
        take.many(take.mapping(InputEntry), MAX_FEATURES, "inputs"),
        "An entry describes one input.",
    ] = ()
    rules: Annotated[
        tuple[Rule, ...],
        take.many(take.mapping(Rule), MAX_RULES, "rules"),
        "A rule that names an input the model does not have is left out, and said.",
    ] = ()
    target: Annotated[TargetEntry, take.mapping(TargetEntry), "Of several answers, the first."] = (
        field(default_factory=TargetEntry)
    )
    metrics: Annotated[
        Mapping[str, Any],
        take.named("numbers", take.MAX_WORDS),
        "shown beside those of the live version; what is no number is kept and not compared",
    ] = field(default_factory=dict)
    metric_direction: Annotated[
        str | Mapping[str, str],
        DIRECTIONS,
        "which way is better; else the name decides (errors and losses: lower)",
    ] = ""
    preprocessing: Annotated[
        tuple[ToldStep, ...],
        take.many(STEP, MAX_STEPS, "steps"),
        "shown beside the steps read from the pipeline",
    ] = ()
    data: Annotated[
        Mapping[str, Any],
        take.named("values: `rows`, `from`, `to`, `sha256`, `description`", MAX_PROSE),
        "the training data, on the model card",
    ] = field(default_factory=dict)
    libraries: Annotated[
        Mapping[str, Any],
        take.named("versions", take.MAX_WORDS),
        "compared with what the file records",
    ] = field(default_factory=dict)
    author: Annotated[Label, "shown with the version"] = ""
    notes: Annotated[Prose, "shown with the version"] = ""
    intended_use: Annotated[Prose, "the model card's words, editable afterwards"] = ""
    limitations: Annotated[Prose, "the model card's words, editable afterwards"] = ""

    def __post_init__(self) -> None:
        choices = [choice for entry in self.features for choice in entry.choices or ()]
        few = partial(take.few, most=spec.MAX_CHOICES_TOGETHER, what="choices together")
        at("features", few, choices)
        seen: set[str] = set()
        for index, name in enumerate(entry.name for entry in self.features):
            if name in seen:
                says = f"must be a name that no other entry has. {take.shown(name)} twice."
                raise Unfit(says, f"features[{index}].name")
            seen.add(name)

    @property
    def by_name(self) -> dict[str, InputEntry]:
        return {entry.name: entry for entry in self.features}

    @property
    def measured(self) -> dict[str, float]:
        """The metrics that are finite numbers, by name."""
        return {
            name: float(value)
            for name, value in self.metrics.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }


KNOWN = frozenset(key.name for key in take.keys_of(TrainingConfig))


def read(document: Mapping[str, Any]) -> TrainingConfig:
    """Read a configuration from its JSON. Raises BadTrainingConfig for the first key whose value
    cannot be used."""
    try:
        take.few(document.keys() - KNOWN, take.MAX_ENTRIES, "keys without a meaning")
        return take.read_mapping(TrainingConfig, document)
    except Unfit as error:
        raise BadTrainingConfig(str(error)) from None


def read_stored(document: Mapping[str, Any]) -> TrainingConfig:
    """Read a stored configuration for display: a key whose value would be refused by now is passed
    over."""
    with suppress(BadTrainingConfig):
        return read(document)
    usable = {}
    for name in document.keys() & KNOWN:
        with suppress(BadTrainingConfig):
            read({name: document[name]})
            usable[name] = document[name]
    return read(usable)
