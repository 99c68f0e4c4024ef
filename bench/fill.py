"""Many executions at once, for measuring pages on a full table.

`python -m bench.fill --executions 1000000 --people 500 [--own 10000]` writes into the database of
the settings in force (STACK_DIR or DATABASE_URL): finished predictions of one model in three
versions over the last year, by people bench-1@example.com and so on. The first of them has made
`--own` of the predictions. Run it again with a larger number and it adds what is missing.
"""

import argparse
import os
import re
import time
from collections.abc import Callable
from typing import Any

BATCH = 50_000
MODEL = "Bench loan risk"
VERSIONS = 3
OWN = 10_000

PEOPLE = """
    INSERT INTO accounts_user (email, name, timezone, number_format, password, is_staff, is_active,
                               is_superuser)
    SELECT 'bench-' || n || '@example.com', 'Bench ' || n, 'Europe/Berlin', '', '!', false, true,
           false
    FROM generate_series(1, %(people)s) n
    ON CONFLICT DO NOTHING
"""

# Nine in ten succeed, six in a hundred fail, the rest is canceled: nothing is left to be run.
EXECUTIONS = """
    WITH drawn AS (
        SELECT n, random() AS luck, random() AS chance,
               18 + floor(random() * 70)::int AS age,
               1000 * (5 + floor(random() * 60))::int AS amount,
               (ARRAY['car', 'debt', 'home'])[1 + floor(random() * 3)::int] AS purpose,
               %(versions)s::int[] AS versions, %(people)s::int[] AS people,
               clock_timestamp() - random() * interval '365 days' AS requested
        FROM generate_series(%(first)s::int, %(last)s::int) n
    ), made AS (
        SELECT *, CASE WHEN luck < 0.9 THEN 'succeeded' WHEN luck < 0.96 THEN 'failed'
                       ELSE 'canceled' END AS status
        FROM drawn
    )
    INSERT INTO executions_execution (
        id, user_id, version_id, version_sha256, version_revision, purpose, status, attempt,
        lease_owner, dispatch_after, deadline, inputs, inputs_sha256, outputs, warnings, error_code,
        message, traceback, note, search_text, search_own, form_token, requested_at, started_at,
        finished_at {columns}
    )
    SELECT gen_random_uuid(),
           people[CASE WHEN n <= %(own)s THEN 1
                  ELSE 2 + floor(random() * (array_length(people, 1) - 1))::int END],
           versions[1 + floor(random() * array_length(versions, 1))::int],
           repeat('0', 64), 1, 'prediction', status, 1, '', requested, requested,
           jsonb_build_object('age', age, 'amount', amount, 'purpose', purpose, 'owns', luck > 0.5),
           md5(n::text),
           CASE WHEN status = 'succeeded' THEN jsonb_build_object(
               'task', 'classification', 'warnings', '[]'::jsonb, 'notes', '[]'::jsonb,
               'seconds', 0.01,
               'targets', jsonb_build_array(jsonb_build_object(
                   'name', '', 'value', (chance > 0.5)::int, 'confidence', 0.5 + chance / 2,
                   'interval', NULL, 'score', NULL, 'text', '',
                   'probabilities', jsonb_build_array(
                       jsonb_build_object('value', 0, 'probability', 1 - chance),
                       jsonb_build_object('value', 1, 'probability', chance)))))
           END,
           '[]', CASE WHEN status = 'failed' THEN 'MODEL' ELSE '' END,
           CASE WHEN status = 'failed' THEN 'ValueError' ELSE '' END,
           CASE WHEN status = 'failed' THEN repeat('  File "model.py", line 1' || chr(10), 40)
                ELSE '' END,
           '', age || E' years\n' || age || E'\n€ ' || to_char(amount, 'FM999,999') || E'\n'
               || amount || E'\n' || purpose || E'\n'
               || CASE WHEN status = 'succeeded' AND chance > 0.5 THEN E'defaults\n1\n'
                       WHEN status = 'succeeded' THEN E'repays\n0\n' ELSE '' END,
           '', gen_random_uuid(), requested,
           requested + chance * interval '50 ms',
           requested + interval '50 ms' + chance * luck * interval '1 s' {values}
    FROM made
"""


def fill(*, executions: int, people: int, own: int = OWN, say: Callable[[str], None]) -> None:
    """Bring the bench's rows up to ``executions`` by ``people`` (2 or more); ``own`` of them are
    the first person's."""
    from django.db import connection

    from accounts.models import User
    from executions.models import Execution

    versions = _versions()
    statement, others = _statement()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(PEOPLE, {"people": people})
        emails = [f"bench-{n}@example.com" for n in range(1, people + 1)]
        found = dict(User.objects.filter(email__in=emails).values_list("email", "pk"))
        ids = [found[email] for email in emails]
        there = Execution.objects.filter(version__in=versions).count()
        began = time.monotonic()
        for first in range(there + 1, executions + 1, BATCH):
            last = min(first + BATCH - 1, executions)
            values = {"first": first, "last": last, "own": own}
            cursor.execute(statement, {**values, **others, "versions": versions, "people": ids})
            say(f"{last:,} executions after {time.monotonic() - began:.0f} s")
        cursor.execute("VACUUM ANALYZE executions_execution")


def _statement() -> tuple[str, dict[str, Any]]:
    """The INSERT, and the defaults of columns that it does not name: the table grows with the
    product."""
    from django.db import connection

    from executions.models import Execution

    named = set(re.findall(r"\w+", EXECUTIONS.split("INSERT INTO")[1].split("SELECT")[0]))
    others = {
        str(field.column): field.get_db_prep_save(field.get_default(), connection)
        for field in Execution._meta.concrete_fields
        if not field.null and not field.has_db_default() and field.column not in named
    }
    columns = "".join(f", {column}" for column in others)
    values = "".join(f", %({column})s" for column in others)
    return EXECUTIONS.format(columns=columns, values=values), others


def _versions() -> list[int]:
    """The bench's versions, made if they are not there; none of them has a file."""
    from django.utils import timezone

    from models_registry.feature_spec import FeatureSpec, Kind, TargetSpec
    from models_registry.models import Feature, ModelVersion, RegisteredModel, Target

    purposes = (("car", "Car"), ("debt", "Debt"), ("home", "Home"))
    features = (
        FeatureSpec("age", "Age", Kind.INTEGER, unit="years", is_listed=True),
        FeatureSpec("amount", "Amount", Kind.INTEGER, unit="€", is_listed=True),
        FeatureSpec("purpose", "Purpose", Kind.CHOICE, choices=purposes, is_listed=True),
        FeatureSpec("owns", "Owns a home", Kind.BOOLEAN),
    )
    target = TargetSpec("", "Repayment", class_labels=((0, "Repays"), (1, "Defaults")))
    model, _ = RegisteredModel.objects.get_or_create(name=MODEL, slug="bench-loan-risk")
    for number in range(model.versions.count() + 1, VERSIONS + 1):
        version = ModelVersion.objects.create(
            model=model, number=number, sha256=f"{number:064}", size=1, format="joblib",
            file_name="bench.joblib", container="frame", task="classification",
            estimator="sklearn.pipeline.Pipeline", status=ModelVersion.Status.ARCHIVED,
            tested_at=timezone.now(), tested_sha256=f"{number:064}", tested_revision=1,
        )  # fmt: skip
        Feature.objects.bulk_create(
            Feature.from_spec(version, place, spec) for place, spec in enumerate(features)
        )
        Target.from_spec(version, 0, target).save()
    return list(model.versions.order_by("number").values_list("pk", flat=True))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fill", description=__doc__)
    parser.add_argument("--executions", type=int, required=True)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--own", type=int, default=OWN, help="of them the first person's")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    fill(
        executions=arguments.executions,
        people=max(arguments.people, 2),
        own=arguments.own,
        say=lambda line: print(line, flush=True),
    )


if __name__ == "__main__":
    main()
