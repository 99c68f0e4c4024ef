"""What Prefect told of each flow run, and the indexes of the admin's list."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0010_failures"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="flow_run_name",
            field=models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
        migrations.AddField(model_name="attempt", name="states", field=models.JSONField(null=True)),
        migrations.AddField(
            model_name="attempt",
            name="is_forgotten",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                fields=["-finished_at"],
                condition=Q(
                    states__isnull=True, flow_run_id__isnull=False, finished_at__isnull=False
                ),
                name="executions_states_to_copy",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                fields=["id"],
                condition=Q(is_forgotten=True, flow_run_id__isnull=False),
                name="executions_runs_to_delete",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["-requested_at", "-id"], name="executions_newest"),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["version", "-requested_at", "-id"], name="executions_version_newest"
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["error_code", "-requested_at", "-id"],
                condition=Q(status="failed"),
                name="executions_failed_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                F("finished_at") - F("requested_at"),
                condition=Q(finished_at__isnull=False),
                name="executions_response_time",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                name="executions_finished",
            ),
        ),
    ]
