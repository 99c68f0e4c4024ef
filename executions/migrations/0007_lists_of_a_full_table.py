"""Three indexes for pages of a full table, built while the site answers, and a vacuum that keeps up.

PostgreSQL vacuums a table once a fifth of it has changed. Every execution is changed three times
and every failure once more when it is grouped, all in pages that were just written; until a vacuum
comes, a count that reads an index alone must look into the table for each of their rows. With a
million executions and 60,000 grouped failures, which is no fifth, no vacuum came at all, and counts
took ten times as long.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.lookups import GreaterThan


def _fresh(name: str) -> migrations.RunSQL:
    """Remove what an interrupted build left of an index."""
    return migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", migrations.RunSQL.noop)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("executions", "0006_asked_by_programs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # An index on a full table takes longer than a page may.
        migrations.RunSQL("SET statement_timeout = 0", "SET statement_timeout = 0"),
        _fresh("executions_slow_newest"),
        AddIndexConcurrently(
            model_name="execution",
            index=models.Index(
                fields=["-requested_at", "-id"],
                include=["finished_at"],
                condition=Q(
                    GreaterThan(F("finished_at") - F("requested_at"), timedelta(seconds=1))
                ),
                name="executions_slow_newest",
            ),
        ),
        _fresh("executions_failed_people"),
        AddIndexConcurrently(
            model_name="execution",
            index=models.Index(
                fields=["fingerprint", "user"],
                condition=Q(status="failed", purpose="prediction"),
                name="executions_failed_people",
            ),
        ),
        _fresh("executions_use"),
        AddIndexConcurrently(
            model_name="execution",
            index=models.Index(
                fields=["version", "status", "finished_at"],
                condition=Q(purpose="prediction"),
                name="executions_use",
            ),
        ),
        RemoveIndexConcurrently(model_name="execution", name="executions_served"),
        migrations.RunSQL(
            "ALTER TABLE executions_execution SET ("
            "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)",
            "ALTER TABLE executions_execution RESET ("
            "autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)",
        ),
        migrations.RunSQL("RESET statement_timeout", migrations.RunSQL.noop),
    ]
