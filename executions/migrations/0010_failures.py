"""What a failure is called, and the indexes by which failures are grouped and replays found."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


def text(length: int) -> models.CharField:
    return models.CharField(blank=True, default="", editable=False, max_length=length)


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0008_served"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *[
            migrations.AddField(
                model_name="execution", name=name, field=text(length), preserve_default=False
            )
            for name, length in (
                ("fingerprint", 32),
                ("exception", 100),
                ("failure_title", 300),
                ("failing_step", 200),
            )
        ],
        migrations.AddField(
            model_name="execution",
            name="grouped_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["fingerprint", "-finished_at", "-id"],
                include=["user", "version"],
                condition=Q(status="failed", purpose="prediction"),
                name="executions_failures",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["finished_at"],
                condition=Q(status="failed", purpose="prediction", grouped_at=None),
                name="executions_ungrouped",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["replay_of", "-requested_at"],
                condition=Q(purpose="replay"),
                name="executions_replays",
            ),
        ),
    ]
