"""Which model a notification is about, by which it is hidden from people who may not see it."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_batches"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="notification",
            name="notifications_unread",
        ),
        migrations.AddField(
            model_name="notification",
            name="model_id",
            field=models.BigIntegerField(
                blank=True, editable=False, null=True, verbose_name="model"
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deployment", "A new version is deployed"),
                    ("rollback", "A version is rolled back"),
                    ("retirement", "A model is not available any more"),
                    ("execution_failed", "My prediction failed"),
                    ("batch_finished", "My many rows are finished"),
                    ("message", "An administrator writes to me"),
                    ("failure_group", "A new kind of failure appears"),
                    ("regression", "A resolved failure is back"),
                    ("support_request", "Somebody asks for help"),
                    ("worker_down", "A worker is down"),
                    ("file_altered", "A model file was altered"),
                    ("model_hidden", "A model has no group any more"),
                ],
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="preference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deployment", "A new version is deployed"),
                    ("rollback", "A version is rolled back"),
                    ("retirement", "A model is not available any more"),
                    ("execution_failed", "My prediction failed"),
                    ("batch_finished", "My many rows are finished"),
                    ("message", "An administrator writes to me"),
                    ("failure_group", "A new kind of failure appears"),
                    ("regression", "A resolved failure is back"),
                    ("support_request", "Somebody asks for help"),
                    ("worker_down", "A worker is down"),
                    ("file_altered", "A model file was altered"),
                    ("model_hidden", "A model has no group any more"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("is_shown", True), ("read_at", None)),
                fields=["user", "-id"],
                include=("model_id",),
                name="notifications_unread",
            ),
        ),
    ]
