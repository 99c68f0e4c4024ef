"""What happened when is counted in an index alone; what was purged lately is found by its time."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("executions", "0011_logs")]

    operations = [
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["version", "requested_at"],
                include=["status", "started_at", "finished_at"],
                condition=Q(purpose="prediction"),
                name="executions_statistics",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["purged_at"],
                condition=Q(purged_at__isnull=False),
                name="executions_purged",
            ),
        ),
    ]
