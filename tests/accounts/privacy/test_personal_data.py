"""A person's own data is written however much it is."""

import io
import json
import weakref
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.privacy import personal_data
from accounts.privacy.personal_data import Part, Row, write_csv, write_json
from executions import own_data
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution


class Tracked(dict[str, Any]):
    """A row that one can ask whether it is still in memory."""


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_one_row_is_in_memory_at_a_time(
    alice: User, write: Callable[[IO[bytes], User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []

    def rows(user: User) -> Iterator[Row]:
        made: list[weakref.ref[Tracked]] = []
        for number in range(50):
            row = Tracked(number=number, text="=1+1")
            made.append(weakref.ref(row))
            yield row
            del row
            alive.append(sum(one() is not None for one in made))

    monkeypatch.setattr(personal_data, "_parts", {"many": Part("many", rows, lambda user: None)})
    write(io.BytesIO(), alice)
    assert len(alive) == 50
    assert max(alive) <= 2


def test_both_files_hold_all_parts_and_every_row(alice: User) -> None:
    make_execution(user=alice, outputs=LOAN_OUTPUTS)
    texts, tables = io.BytesIO(), io.BytesIO()
    write_json(texts, alice)
    write_csv(tables, alice)
    everything = json.loads(texts.getvalue())
    archive = zipfile.ZipFile(tables)
    assert list(everything) == list(personal_data.everything(alice))
    assert archive.testzip() is None
    for name, rows in everything.items():
        table = archive.read(f"{name}.csv").decode("utf-8-sig").splitlines()
        assert (table[0].split(",") if rows else table) == (list(rows[0]) if rows else [""])
        assert len(table) >= len(rows) + 1


def test_predictions_are_read_page_after_page_each_once_the_oldest_first(
    alice: User, active_version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_data, "ROWS_AT_ONCE", 2)
    for _ in range(5):
        make_execution(user=alice, version=active_version)
    Execution.objects.update(requested_at=timezone.now())
    last = make_execution(user=alice, version=active_version)
    found = [row["id"] for row in personal_data.everything(alice)["predictions"]]
    made = Execution.objects.order_by("requested_at", "pk")
    assert found == [execution.public_id for execution in made]
    assert found[-1] == last.public_id
