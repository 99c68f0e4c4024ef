"""Tests and replays are few beside predictions, and found without walking past those."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("executions", "0013_slow")]

    operations = [
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["purpose", "-requested_at", "-id"],
                condition=Q(purpose__in=["test", "replay"]),
                name="executions_watched_newest",
            ),
        ),
    ]
