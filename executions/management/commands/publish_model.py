"""`manage.py publish_model FILE --model NAME --by EMAIL`: from a file to a live version."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import DomainError
from executions.management.publishing import publish
from executions.management.scripting import Result, ScriptCommand, json_object, person
from models_registry import services
from models_registry.reference.reference_profile import read_reference
from models_registry.training import config_parser

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Published(Result):
    model: str | None = None
    version: int | None = None
    sha256: str | None = None


class Command(ScriptCommand):
    help = "Upload a model file, inspect it, test it and promote it, as the admin pages do."
    refused = Published()

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--model", default="", metavar="NAME")
        parser.add_argument("--description", default="", help="of the model, if it is new")
        parser.add_argument("--config", default="", metavar="FILE", help="JSON or YAML")
        parser.add_argument("--reference", default="", metavar="FILE", help="rows as CSV")
        parser.add_argument("--target-column", default="", help="its column of outcomes")
        parser.add_argument(
            "--held-out", action="store_true", help="its rows were not used in training"
        )
        parser.add_argument("--test", default="", metavar="JSON", help="sample inputs by name")
        parser.add_argument("--cases", default="", metavar="FILE", help="CSV of cases to save, run")
        parser.add_argument("--promote", action="store_true", help="make it live once tested")
        parser.add_argument(
            "--libraries-tested",
            action="store_true",
            help="it was tested with this server's library versions, which differ",
        )
        parser.add_argument(
            "--inputs-reviewed", action="store_true", help="the changes of inputs were reviewed"
        )
        parser.add_argument(
            "--raw-values",
            action="store_true",
            help="inputs without names are raw values: nothing prepared them before training",
        )
        parser.add_argument(
            "--changes",
            "--what-changed",
            dest="changes",
            default="",
            metavar="TEXT",
            help="what changed, for the people who use it: it is mailed to everybody. Without it, "
            "how the inputs differ from those of the live version",
        )
        parser.add_argument(
            "--fresh",
            action="store_true",
            help="take over no labels, groups, rules and cases from the version before",
        )

    def script(self, options: dict[str, Any]) -> tuple[Published, bool]:
        by = person(options["by"])
        if not by.is_staff:
            raise DomainError(f"{by.email} is not an admin. Only admins can publish models.")
        if not options["model"].strip():
            raise DomainError("Say which model this is a version of: --model NAME.")
        file = _existing(options["file"])
        config = config_parser.parse(_read(options["config"])) if options["config"] else {}
        test = json_object(options["test"], "--test") if options["test"] else None
        with file.open("rb") as content:
            publication = publish(
                model_name=options["model"].strip(),
                description=options["description"],
                chunks=_chunks(content),
                file_name=file.name,
                config=config,
                reference=_reference(options),
                test_inputs=test,
                case_table=_read(options["cases"]) if options["cases"] else "",
                libraries_tested=options["libraries_tested"],
                inputs_reviewed=options["inputs_reviewed"],
                raw_values=options["raw_values"],
                promotes=options["promote"],
                changes=options["changes"].strip(),
                takes_over=not options["fresh"],
                by=by,
                seconds=options["timeout"],
            )
        version = publication.version
        result = Published(
            model=version.model.slug,
            version=version.number if publication.is_kept else None,
            sha256=version.sha256 if publication.is_kept else None,
            status=publication.status,
            message=publication.message,
        )
        tries = options["test"] or options["cases"]
        wanted = "active" if options["promote"] else "tested" if tries else "draft"
        return result, publication.status == wanted


def _reference(options: dict[str, Any]) -> services.ReferenceUpload | None:
    if not options["reference"]:
        return None
    file = _existing(options["reference"])
    with file.open("rb") as content:
        reference = read_reference(_chunks(content), target=options["target_column"])
    return services.ReferenceUpload(reference, file.name, is_held_out=options["held_out"])


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise DomainError(f"There is no file “{name}”.")
    return path


def _read(name: str) -> str:
    try:
        return _existing(name).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DomainError(f"“{name}” is not UTF-8 text.") from error


def _chunks(content: Any) -> Iterator[bytes]:
    while chunk := content.read(CHUNK):
        yield chunk
