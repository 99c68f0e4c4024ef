"""Many executions at once, for measuring pages on a full table.

`python -m bench.fill --executions 1000000 --people 500 [--own 10000]` writes into the database of
the settings in force (STACK_DIR or DATABASE_URL): finished predictions of three models, each in
versions that were live one after the other over the last 90 days, by people bench-1@example.com and
so on. The first of them has made `--own` of the predictions. Run it again with a larger number and
it adds what is missing. The server makes the rows itself, which is quicker than any COPY into it.
"""

import argparse
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_registry.models import RegisteredModel

BATCH = 50_000
DAYS = 90
OWN = 10_000
MODELS = {"Bench loan risk": 3, "Bench churn": 2, "Bench price": 1}
"""Each model and how many versions it has; seven in ten executions are the first one's, two the
second's."""

PEOPLE = """
    INSERT INTO accounts_user (email, name, timezone, number_format, password, is_staff, is_active,
                               is_superuser)
    SELECT 'bench-' || n || '@example.com', 'Bench ' || n, 'Europe/Berlin', '', '!', false, true,
           false
    FROM generate_series(1, %(people)s) n
    ON CONFLICT DO NOTHING
"""

# Nine in ten succeed, six in a hundred fail in one of twelve ways, the rest is canceled: nothing is
# left to be run. One in 200 is slow. One in ten has one of twenty sets of inputs.
EXECUTIONS = """
    WITH drawn AS (
        SELECT n, random() AS luck, random() AS chance, random() AS place, random() AS wait,
               floor(random() * 12)::int AS way, random() AS share, random() AS slow,
               CASE WHEN random() < 0.1 THEN floor(random() * 20)::int END AS usual,
               18 + floor(random() * 70)::int AS any_age,
               1000 * (5 + floor(random() * 60))::int AS any_amount,
               (ARRAY['car', 'debt', 'home'])[1 + floor(random() * 3)::int] AS any_purpose,
               %(versions)s::int[] AS versions, %(people)s::int[] AS people
        FROM generate_series(%(first)s::int, %(last)s::int) n
    ), chosen AS (
        SELECT *, coalesce(20 + 3 * usual, any_age) AS age,
               coalesce(10000 + 1000 * usual, any_amount) AS amount,
               CASE WHEN usual IS NULL THEN any_purpose ELSE 'home' END AS purpose,
               CASE WHEN luck < 0.9 THEN 'succeeded' WHEN luck < 0.96 THEN 'failed'
                    ELSE 'canceled' END AS status,
               (ARRAY['MODEL', 'MODEL', 'MODEL', 'MODEL', 'MODEL', 'MODEL', 'MODEL', 'MODEL',
                      'INPUT', 'INPUT', 'TIMEOUT', 'CRASH'])[way + 1] AS code,
               CASE WHEN share < 0.7 THEN 1 WHEN share < 0.9 THEN 2 ELSE 3 END AS model,
               clock_timestamp() - (1 - place) * interval '1 day' * %(days)s AS requested
        FROM drawn
    ), made AS (
        SELECT *, versions[(%(starts)s::int[])[model]
                           + floor(place * (%(counts)s::int[])[model])::int] AS version,
               requested + wait * interval '50 ms' AS started,
               requested + interval '60 ms' - ln(1 - chance) * interval '120 ms'
                   * CASE WHEN slow < 0.005 THEN 60 ELSE 1 END AS finished
        FROM chosen
    )
    INSERT INTO executions_execution (
        id, user_id, version_id, version_sha256, version_revision, purpose, status, attempt,
        lease_owner, dispatch_after, deadline, inputs, inputs_sha256, outputs, warnings, error_code,
        message, traceback, fingerprint, exception, failure_title, note, search_text, search_own,
        form_token, requested_at, started_at, finished_at {columns}
    )
    SELECT gen_random_uuid(),
           people[CASE WHEN n <= %(own)s THEN 1
                  ELSE 2 + floor(random() * (array_length(people, 1) - 1))::int END],
           version, repeat('0', 64), 1, 'prediction', status, 1, '', requested, requested,
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
           '[]', CASE WHEN status = 'failed' THEN code ELSE '' END,
           CASE WHEN status = 'failed' THEN 'ValueError: way ' || way ELSE '' END,
           CASE WHEN status = 'failed' THEN repeat('  File "model.py", line 1' || chr(10), 40)
                ELSE '' END,
           CASE WHEN status = 'failed' THEN md5(model || code || way) ELSE '' END,
           CASE WHEN status = 'failed' THEN 'ValueError' ELSE '' END,
           CASE WHEN status = 'failed' THEN 'way ' || way ELSE '' END,
           '', age || E' years\n' || age || E'\n€ ' || to_char(amount, 'FM999,999') || E'\n'
               || amount || E'\n' || purpose || E'\n'
               || CASE WHEN status = 'succeeded' AND chance > 0.5 THEN E'defaults\n1\n'
                       WHEN status = 'succeeded' THEN E'repays\n0\n' ELSE '' END,
           '', gen_random_uuid(), requested, started, finished {values}
    FROM made
"""


def fill(*, executions: int, people: int, own: int = OWN, say: Callable[[str], None]) -> None:
    """Bring the bench's rows up to ``executions`` by ``people`` (2 or more); ``own`` of them are
    the first person's."""
    from django.db import connection

    from accounts.models import User
    from executions.models import Execution

    versions = _versions()
    pks = [pk for each in versions for pk in each]
    starts = [1 + sum(map(len, versions[:place])) for place in range(len(versions))]
    statement, others = _statement()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(PEOPLE, {"people": people})
        emails = [f"bench-{n}@example.com" for n in range(1, people + 1)]
        found = dict(User.objects.filter(email__in=emails).values_list("email", "pk"))
        fixed = others | {
            "own": own,
            "days": DAYS,
            "people": [found[email] for email in emails],
            "versions": pks,
            "starts": starts,
            "counts": [len(each) for each in versions],
        }
        there = Execution.objects.filter(version__in=pks).count()
        began = time.monotonic()
        for first in range(there + 1, executions + 1, BATCH):
            last = min(first + BATCH - 1, executions)
            cursor.execute(statement, {**fixed, "first": first, "last": last})
            say(f"{last:,} executions after {time.monotonic() - began:.0f} s")
        cursor.execute("VACUUM ANALYZE executions_execution")


def _statement() -> tuple[str, dict[str, Any]]:
    """Return the INSERT, and the defaults of columns that it does not name: the table grows with
    the product."""
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


def _versions() -> list[list[int]]:
    """Return the bench's versions by model, oldest first, made with their deployments if they are
    not there; none of them has a file."""
    from models_registry.models import RegisteredModel

    found = []
    for name, count in MODELS.items():
        slug = name.lower().replace(" ", "-")
        model, is_new = RegisteredModel.objects.get_or_create(name=name, defaults={"slug": slug})
        if is_new:
            _add_versions(model, count)
        found.append(list(model.versions.order_by("number").values_list("pk", flat=True)))
    return found


def _add_versions(model: "RegisteredModel", count: int) -> None:
    from django.utils import timezone

    from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
    from models_registry.models import Deployment, Feature, ModelVersion, Target

    purposes = (("car", "Car"), ("debt", "Debt"), ("home", "Home"))
    features = (
        FeatureSpec("age", "Age", Kind.INTEGER, unit="years", is_listed=True),
        FeatureSpec("amount", "Amount", Kind.INTEGER, unit="€", is_listed=True),
        FeatureSpec("purpose", "Purpose", Kind.CHOICE, choices=purposes, is_listed=True),
        FeatureSpec("owns", "Owns a home", Kind.BOOLEAN),
    )
    target = TargetSpec("", "Repayment", class_labels=((0, "Repays"), (1, "Defaults")))
    begin, each = timezone.now() - timedelta(days=DAYS), timedelta(days=DAYS) / count
    for number in range(1, count + 1):
        live, is_last = begin + (number - 1) * each, number == count
        version = ModelVersion.objects.create(
            model=model, number=number, sha256=f"{number:064}", size=1, format="joblib",
            file_name="bench.joblib", container="frame", task="classification",
            estimator="sklearn.pipeline.Pipeline", activated_at=live, tested_at=live,
            tested_sha256=f"{number:064}", tested_revision=1,
            status=ModelVersion.Status.ACTIVE if is_last else ModelVersion.Status.ARCHIVED,
        )  # fmt: skip
        Feature.objects.bulk_create(
            Feature.from_spec(version, place, spec) for place, spec in enumerate(features)
        )
        Target.from_spec(version, 0, target).save()
        Deployment.objects.create(
            model=model, version=version, action=Deployment.Action.PROMOTION, started_at=live,
            ended_at=None if is_last else live + each,
        )  # fmt: skip


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
