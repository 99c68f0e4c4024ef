"""`manage.py training_reference`: print the tables of docs/training-configuration.md from the keys
of the training configuration."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from models_registry.training.training_config import TrainingConfig
from models_registry.training.value_readers import Key, keys_of


def reference() -> Iterator[str]:
    """Yield the lines of the section: a table for each mapping with known keys, then one for the
    other keys."""
    plain = []
    for key in keys_of(TrainingConfig):
        if key.reader.model is None:
            plain.append(key)
            continue
        yield f"### `{key.name}`: a {key.reader.words}\n"
        yield from _table(keys_of(key.reader.model))
        yield f"\n{key.meaning}\n"
    yield "### About the model\n"
    yield from _table(tuple(plain))


def _table(keys: tuple[Key, ...]) -> Iterator[str]:
    yield "| key | type | meaning |"
    yield "|---|---|---|"
    for key in keys:
        needed = "; needed" if key.is_needed else ""
        yield f"| `{key.name}` | {key.reader.words}{needed} | {key.meaning} |"


class Command(BaseCommand):
    help = "Print the keys of the training configuration, as its documentation shows them."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(reference()))
