"""The promises of `docs/reliability.md`, checked in PostgreSQL alone after a run."""

import hashlib
import io
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import psycopg
from psycopg.rows import dict_row

from tests.chaos.people import NAMES, Submission
from tests.clocks import PATIENCE_SECONDS

TERMINAL = ("succeeded", "failed", "canceled")
CLOSE = 1e-9

# Rows that nothing may change once they stand, and the columns that tell. What is written beside
# them for search, explanations, mails and copies of Prefect's states is no part of the truth.
STANDING = {
    "executions_execution": (
        "status, inputs, outputs, warnings, error_code, message, version_id, version_sha256, "
        "attempt, user_id, form_token, requested_at, started_at, finished_at",
        "status IN ('succeeded', 'failed', 'canceled')",
    ),
    "executions_attempt": (
        "execution_id, number, worker, started_at, finished_at, outcome, log",
        "finished_at IS NOT NULL",
    ),
    "models_registry_modelversion": (
        "model_id, number, status, sha256, revision, tested_at, activated_at, altered_at", "true",
    ),
    "models_registry_feature": ("version_id, position, name, kind, minimum, maximum", "true"),
    "models_registry_deployment": ("model_id, version_id, started_at, ended_at, text", "true"),
    "accounts_user": ("email, password, is_active, is_staff, is_superuser", "true"),
}  # fmt: skip

Standing = Mapping[str, Mapping[str, str]]


@dataclass
class Verdict:
    """What became of the forms that were accepted, and of everything else."""

    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    changed: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    """Seconds from request to terminal state."""
    recovered: float = 0.0
    """Seconds from the fault's end until all that was requested before it was terminal."""
    problems: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.changed or self.problems)


class Truth:
    """Reads the product's database on a connection of its own, made anew where it broke."""

    def __init__(self, url: str, files: Path) -> None:
        self._url = url
        self._files = files
        self._models: dict[str, Any] = {}

    def ask(self, question: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self._url, row_factory=dict_row, connect_timeout=5) as connection:
            return connection.execute(question, values).fetchall()

    def ask_patiently(self, question: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the same, while the database may still be coming back."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.ask(question, *values)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def number(self, question: str, *values: Any) -> int:
        (row,) = self.ask_patiently(question, *values)
        return int(next(iter(row.values())))

    def unfinished(self) -> int:
        """Count executions, inspections and rehearsals that are under way."""
        tables = (
            "executions_execution", "models_registry_inspection", "models_registry_rehearsal"
        )  # fmt: skip
        counts = (
            f"(SELECT count(*) FROM {table} WHERE status IN ('queued', 'running'))"
            for table in tables
        )
        return self.number(f"SELECT {' + '.join(counts)}")

    def standing(self) -> Standing:
        """Return a digest of every row that nothing may change any more."""
        return {
            table: {
                str(row["id"]): row["digest"]
                for row in self.ask_patiently(
                    f"SELECT id, md5(ROW({columns})::text) AS digest FROM {table} WHERE {standing}"
                )
            }
            for table, (columns, standing) in STANDING.items()
        }

    def judge(
        self,
        submissions: Iterable[Submission],
        *,
        before: Standing,
        may_change: Collection[str] = (),
        ended_at: float,
    ) -> Verdict:
        """Judge every promise about these forms, and about the rows that were there before them."""
        sent = list(submissions)
        verdict = Verdict(accepted=sum(one.execution is not None for one in sent))
        rows = self.ask_patiently(
            "SELECT id::text, form_token::text, status, inputs, outputs, version_sha256 AS sha256,"
            " error_code, extract(epoch FROM requested_at)::float AS requested_at,"
            " extract(epoch FROM finished_at)::float AS finished_at"
            " FROM executions_execution WHERE form_token = ANY(%s::uuid[])",
            [one.token for one in sent],
        )
        by_id = {row["id"]: row for row in rows}
        for one in sent:
            if one.execution is None:
                continue
            row = by_id.get(one.execution)
            if row is None or row["status"] not in TERMINAL:
                verdict.lost += 1
                verdict.problems.append(f"{one.execution} is {row and row['status']}")
        verdict.doubled = self._doubled(rows)
        self._judge_answers(rows, {one.token: one for one in sent}, verdict)
        finished = [row for row in rows if row["finished_at"]]
        verdict.slowest = max((r["finished_at"] - r["requested_at"] for r in finished), default=0.0)
        early = [row["finished_at"] for row in finished if row["requested_at"] <= ended_at]
        verdict.recovered = max(0.0, max(early, default=ended_at) - ended_at)
        now = self.standing()
        for table in STANDING.keys() - set(may_change):
            differing = [pk for pk, digest in before[table].items() if now[table].get(pk) != digest]
            verdict.changed += len(differing)
            verdict.problems += [f"{table} {pk} was changed" for pk in differing[:3]]
        return verdict

    def _doubled(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Count forms with two rows, executions with two results, people told twice, and models
        with two active versions in any table."""
        rows = list(rows)
        ids = [row["id"] for row in rows]
        forms = len(rows) - len({row["form_token"] for row in rows})
        results = self.number(
            "SELECT count(*) FROM (SELECT execution_id FROM executions_attempt WHERE"
            " execution_id = ANY(%s::uuid[]) AND outcome = 'succeeded'"
            " GROUP BY execution_id HAVING count(*) > 1) AS twice",
            ids,
        )
        notices = self.number(
            "SELECT count(*) FROM (SELECT 1 FROM notifications_notification"
            " GROUP BY user_id, kind, cause HAVING count(*) > 1) AS twice"
        )
        active = self.number(
            "SELECT count(*) FROM (SELECT 1 FROM models_registry_modelversion"
            " WHERE status = 'active' GROUP BY model_id HAVING count(*) > 1) AS twice"
        )
        return forms + results + notices + active

    def _judge_answers(
        self,
        rows: Iterable[Mapping[str, Any]],
        sent: Mapping[str, Submission],
        verdict: Verdict,
    ) -> None:
        """Inputs are those that were sent, answers those of the pinned file, failures are told."""
        succeeded = []
        for row in rows:
            if row["inputs"] != sent[row["form_token"]].inputs:
                verdict.wrong += 1
                verdict.problems.append(f"{row['id']} has other inputs than were sent")
            if row["status"] == "succeeded":
                succeeded.append(row)
            elif row["status"] == "failed":
                code = row["error_code"]
                verdict.failed[code] = verdict.failed.get(code, 0) + 1
        for sha256 in {row["sha256"] for row in succeeded}:
            mine = [row for row in succeeded if row["sha256"] == sha256]
            for row, (label, confidence) in zip(mine, self._answers(sha256, mine), strict=True):
                target = row["outputs"]["targets"][0]
                is_same = target["value"] == label
                if not (is_same and abs(target["confidence"] - confidence) < CLOSE):
                    verdict.wrong += 1
                    verdict.problems.append(f"{row['id']} says {target['value']}, not {label}")
        failed = [row["id"] for row in rows if row["status"] == "failed"]
        told = self.number(
            "SELECT count(DISTINCT cause) FROM notifications_notification WHERE cause = ANY(%s)",
            [f"execution {pk}" for pk in failed],
        )
        if told != len(failed):
            verdict.lost += len(failed) - told
            verdict.problems.append(f"{len(failed) - told} failures were told to nobody")

    def _answers(self, sha256: str, rows: list[Mapping[str, Any]]) -> Iterable[tuple[int, float]]:
        """Return what the file with this digest answers here."""
        if sha256 not in self._models:
            content = (self._files / sha256).read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256
            self._models[sha256] = joblib.load(io.BytesIO(content))
        model = self._models[sha256]
        frame = pd.DataFrame([row["inputs"] for row in rows], columns=list(NAMES))
        chances = model.predict_proba(frame)
        return [(int(model.classes_[chance.argmax()]), float(chance.max())) for chance in chances]
