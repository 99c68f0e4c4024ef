"""The files that a person takes away: a template for rows, the rows with problems, and the results.

A CSV file is written as `config/text/csv_text.py` says. A spreadsheet has typed cells; its texts
are texts, never formulas or links, and it is written row by row, so that memory does not grow.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter
from django.http import FileResponse

from executions.batches.reading import RowResult, results
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, choice_text
from models_registry.inputs.input_schema import InputSchema
from models_registry.models import ModelVersion, Target

MAX_CELL = 32_767
"""The characters that a cell of a spreadsheet holds."""
EXACT = 2**53
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
RULES = ("Column", "Input", "Needed", "Rule", "Usual", "Choices", "Unit", "Help")
LISTED_CHOICES = 200


@dataclass(frozen=True)
class ResultFile:
    """The results of one batch: its header, and a list of cells for each row, in order."""

    execution: Execution
    schema: InputSchema
    targets: Sequence[Target]
    classes: tuple[Any, ...]

    @property
    def is_classification(self) -> bool:
        return self.execution.version.task == "classification"

    @property
    def header(self) -> list[str]:
        carried = list(self.execution.batch.carried)
        inputs = titles(self.schema.features)
        answer = ["prediction"]
        if self.is_classification:
            answer += ["prediction_label", "confidence"]
            answer += [f"probability.{choice_text(value)}" for value in self.classes]
        else:
            answer += ["interval_low", "interval_high"]
        further = [f"prediction.{target}" for target in self.targets[1:]]
        return unique([*carried, *inputs, *answer, *further, "warnings", "problem", "row_id"])

    def lines(self) -> Iterator[list[Any]]:
        width = len(self.execution.batch.carried)
        for row in results(self.execution):
            carried = [*row.carried[:width], *[None] * (width - len(row.carried))]
            yield [
                *carried,
                *row.inputs.values(),
                *self._answer(row),
                "; ".join(row.warnings),
                row.problem or ("" if row.outputs else "This row was not computed."),
                row.id,
            ]

    def _answer(self, row: RowResult) -> list[Any]:
        further = len(self.targets[1:])
        if row.outputs is None:
            count = 3 + len(self.classes) if self.is_classification else 3
            return [None] * (count + further)
        first, *others = row.outputs.targets
        value = first.text if first.value is None and first.text else first.value
        cells: list[Any] = [value]
        if self.is_classification:
            label = self.targets[0].label_of(first.value) if self.targets else choice_text(value)
            shares = {choice_text(one.value): one.probability for one in first.probabilities}
            cells += [label, first.confidence]
            cells += [shares.get(choice_text(one)) for one in self.classes]
        else:
            cells += [first.interval.low, first.interval.high] if first.interval else [None, None]
        values = [one.value for one in others[:further]]
        return [*cells, *values, *[None] * (further - len(values))]


def result_file(execution: Execution) -> ResultFile:
    """Prepare the file of a batch, whose version is selected."""
    schema = execution.version.features.as_schema()
    targets = list(execution.version.targets.all())
    answered = next((row.outputs for row in results(execution) if row.outputs), None)
    classes = tuple(one.value for one in answered.targets[0].probabilities) if answered else ()
    return ResultFile(execution, schema, targets, classes)


def titles(features: Sequence[FeatureSpec]) -> list[str]:
    """Return the title of each input's column: its label, or its name where the label is not its
    own."""
    labels = [feature.label.casefold() for feature in features]
    names = {feature.name.casefold() for feature in features}
    return [
        one.label
        if labels.count(one.label.casefold()) == 1
        and (one.label.casefold() not in names or one.label.casefold() == one.name.casefold())
        else one.name
        for one in features
    ]


def unique(names: Iterable[str]) -> list[str]:
    """Return the names, each once: a second "age" is "age (2)"."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def write_xlsx(
    into: IO[bytes], sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]
) -> None:
    """Write sheets of (name, header, rows) one after the other, in constant memory."""
    book = xlsxwriter.Workbook(into, _OPTIONS)
    bold = book.add_format({"bold": True})
    for name, header, rows in sheets:
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, title in enumerate(header):
            sheet.write_string(0, place, _storable(title), bold)
        for number, row in enumerate(rows, 1):
            for place, value in enumerate(row):
                _write(sheet, number, place, value)
    book.close()


def _write(sheet: Any, number: int, place: int, value: Any) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(number, place, value)
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) <= EXACT):
        sheet.write_number(number, place, value)
    else:
        sheet.write_string(number, place, _storable(str(value)))


def _storable(text: str) -> str:
    whole = text.encode(errors="replace").decode().replace("\0", "")
    return whole if len(whole) <= MAX_CELL else f"{whole[: MAX_CELL - 1]}…"


def xlsx_response(
    file_name: str, sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]
) -> FileResponse:
    """Return a spreadsheet as a download."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    write_xlsx(file, sheets)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=file_name, content_type=XLSX)


def template_rules(version: ModelVersion) -> Iterator[list[Any]]:
    """Yield a row about each input under ``RULES``, in the words of the form."""
    features = version.features.as_schema().asked
    for title, feature in zip(titles(features), features, strict=True):
        listed = [label for _, label in feature.offered[:LISTED_CHOICES]]
        listed += ["…"] if len(feature.offered) > LISTED_CHOICES else []
        yield [
            title,
            feature.name,
            feature.requirement_label,
            feature.rule,
            feature.range_text,
            ", ".join(listed),
            feature.unit,
            feature.help,
        ]
