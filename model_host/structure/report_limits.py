"""Limits of length and number for a model's names and answers, since people read them on pages and
in PDFs.

Checked where a report is made, so that its sentence names what is too long, and once more by the
worker, since a process that opened a stranger's file may say anything. The numbers stand in
``docs/training-configuration.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized

from model_host.protocol.examination import Examination, ProposedFeature
from model_host.protocol.inputs import Scalar
from model_host.protocol.outputs import ManyOutputs, Outputs, TargetAnswers

MOST_FEATURES = 2_000
MOST_CHOICES = 20_000
MOST_CHOICES_TOGETHER = 40_000
MOST_CLASSES = 1_000
MOST_TARGETS = 100
MOST_STEPS = 1_000
MOST_LIBRARIES = 50
MOST_SENTENCES = 50
NAME = 300
"""Letters of an input's name and of a step's path."""
LABEL = 200
"""Letters of a category, of a class and of an estimator's name."""
VERSION = 50
TEXT = 1_000
"""Letters of one value, typical or answered."""
SENTENCE = 2_500
MOST_ANSWERED_CLASSES = 10_000
"""More than an examination lets through: versions that are live already go on answering."""

_SHOWN = 60
_DIGITS = 300


def unfit_report(examination: Examination) -> str:
    """Describe what is too long or too many, as a sentence with the way out; "" if nothing is."""
    found = next(_of_report(examination), "")
    return f"{found} Change that, then train and save the model again." if found else ""


def unfit_answer(outputs: Outputs) -> str:
    """Describe what is too long or too many in an answer, which only the model can change."""
    return next(_of_answer(outputs), "")


def unfit_answers(many: ManyOutputs, asked: int) -> str:
    """Describe what is too long, too many or missing in the answers to the first of the rows
    asked."""
    return next(_of_answers(many, asked), "")


def _of_answers(many: ManyOutputs, asked: int) -> Iterator[str]:
    told = [*many.rows, *(one.row for one in many.singles), *(one.row for one in many.failures)]
    is_whole = 1 <= many.count <= asked and sorted(told) == list(range(many.count))
    if not is_whole or not all(_is_aligned(one, len(many.rows)) for one in many.targets):
        yield "The model's process answered other rows than those asked."
    if many.rows and not many.targets:
        yield "The model's process answered rows with nothing."
    yield from _too_many("The model gives", many.targets, MOST_TARGETS, "answers at once")
    classes = sum(len(target.classes) for target in many.targets)
    if classes > MOST_ANSWERED_CLASSES:
        yield f"The answer has {classes:,} classes; at most {MOST_ANSWERED_CLASSES:,} can be shown."
    for target in many.targets:
        yield from _too_long("The name of an answer", target.name, NAME)
        for value in (*target.values, *target.classes):
            yield from _too_long("The answer", value, TEXT)
    for single in many.singles:
        yield from _of_answer(single.outputs)
    for failure in many.failures:
        yield from _too_long("What is said of a row", failure.message, SENTENCE)
        yield from _too_long("The name of an input", failure.input, NAME)
    yield from _of_sentences(many.notes)


def _is_aligned(target: TargetAnswers, count: int) -> bool:
    lists = (target.confidences, target.probabilities, target.scores, target.intervals)
    return (
        len(target.values) == count
        and all(len(one) in (0, count) for one in lists)
        and all(len(shares) in (0, len(target.classes)) for shares in target.probabilities)
        and all(len(bounds) in (0, 2) for bounds in target.intervals)
    )


def _of_report(examination: Examination) -> Iterator[str]:
    yield from _too_many("The model takes", examination.features, MOST_FEATURES, "inputs")
    for number, feature in enumerate(examination.features, start=1):
        yield from _too_long(f"The name of input {number}", feature.name, NAME)
    yield from _too_many("The model has", examination.steps, MOST_STEPS, "steps")
    yield from _too_long("The name of the model's class", examination.estimator, LABEL)
    for step in examination.steps:
        yield from _too_long("The name of a step", step.path, NAME)
        yield from _too_long(f"The class of the step {_shown(step.path)}", step.estimator, LABEL)
        yield from _too_many("A step takes", step.columns, MOST_FEATURES, "inputs")
        for column in step.columns:
            yield from _too_long("The name of a step's input", column, NAME)
    for feature in examination.features:
        yield from _of_feature(feature)
    choices = sum(len(feature.choices) for feature in examination.features)
    if choices > MOST_CHOICES_TOGETHER:
        yield (
            f"The inputs have {choices:,} categories together; at most {MOST_CHOICES_TOGETHER:,} "
            "can be offered."
        )
    yield from _of_targets(examination)
    libraries = examination.libraries_trained | examination.libraries_running
    yield from _too_many("The file records", libraries, MOST_LIBRARIES, "libraries")
    for named in (examination.libraries_trained, examination.libraries_running):
        for library, version in named.items():
            yield from _too_long("The name of a library", library, VERSION)
            yield from _too_long(f"The version of {library}", version, VERSION)
    yield from _of_sentences(examination.warnings)
    inputs = examination.smoke_inputs or {}
    yield from _too_many("The trial prediction took", inputs, MOST_FEATURES, "inputs")
    for name, value in inputs.items():
        yield from _too_long("The name of an input", name, NAME)
        yield from _too_long(f"The typical value of {_shown(name)}", value, TEXT)
    if examination.smoke_outputs is not None:
        yield from _of_answer(examination.smoke_outputs)
    if examination.trial_failure is not None:
        yield from _of_sentences((examination.trial_failure.message,))


def _of_feature(feature: ProposedFeature) -> Iterator[str]:
    about = f"The input {_shown(feature.name)}"
    yield from _too_many(f"{about} has", feature.choices, MOST_CHOICES, "categories")
    for number, choice in enumerate(feature.choices, start=1):
        for text in (choice.value, choice.label):
            yield from _too_long(f"{about}: category {number}", text, LABEL)
    for what in ("default", "imputed", "typical"):
        yield from _too_long(f"{about}: the {what} value", getattr(feature, what), TEXT)
    yield from _too_many(f"{about} has", feature.sources, MOST_SENTENCES, "sources")
    for fact, source in feature.sources.items():
        yield from _too_long(f"{about}: what is known of it", fact, LABEL)
        yield from _too_long(f"{about}: where its {fact} is from", source, TEXT)


def _of_targets(examination: Examination) -> Iterator[str]:
    targets = examination.targets
    yield from _too_many("The model gives", targets, MOST_TARGETS, "answers at once")
    classes = [one for target in targets for one in target.classes]
    yield from _too_many("The model has", classes, MOST_CLASSES, "classes")
    for target in targets:
        yield from _too_long("The name of an answer", target.name, NAME)
    for number, label in enumerate(classes, start=1):
        yield from _too_long(f"The label of class {number}", label, LABEL)


def _of_answer(outputs: Outputs) -> Iterator[str]:
    yield from _too_many("The model gives", outputs.targets, MOST_TARGETS, "answers at once")
    shares = [share for target in outputs.targets for share in target.probabilities]
    yield from _too_many("The answer has", shares, MOST_ANSWERED_CLASSES, "classes")
    for target in outputs.targets:
        yield from _too_long("The name of an answer", target.name, NAME)
        for text in (target.value, target.text):
            yield from _too_long("The answer", text, TEXT)
    for share in shares:
        yield from _too_long("A class of the answer", share.value, TEXT)
    yield from _of_sentences(outputs.warnings)
    yield from _of_sentences(outputs.notes)
    if (lost := outputs.lost) is not None:
        yield from _too_many("The model lost", lost.others, MOST_FEATURES, "numbers")
        for text in (lost.input, lost.step, lost.became, lost.condition, *lost.others):
            yield from _too_long("What is said of a number that the model lost", text, NAME)


def _of_sentences(sentences: tuple[str, ...]) -> Iterator[str]:
    yield from _too_many("The model gives", sentences, MOST_SENTENCES, "warnings")
    for sentence in sentences:
        yield from _too_long("A warning of the model", sentence, SENTENCE)


def _too_many(about: str, things: Sized, most: int, what: str) -> Iterator[str]:
    if len(things) > most:
        yield f"{about} {len(things):,} {what}; at most {most:,} can be shown."


def _too_long(about: str, value: Scalar, most: int) -> Iterator[str]:
    if isinstance(value, str) and len(value) > most:
        yield (
            f"{about} has {len(value):,} characters; at most {most:,} can be shown. It begins "
            f"with {_shown(value)}."
        )
    elif isinstance(value, int) and value.bit_length() > _DIGITS * 3.3:
        yield f"{about} is a number of more than {_DIGITS} digits, which cannot be shown."


def _shown(text: str) -> str:
    """The beginning of a text, in quotes, without invisible or direction characters."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:_SHOWN])
    return f"“{plain}…”" if len(text) > _SHOWN else f"“{plain}”"
