"""Slow executions are found by their index. PostgreSQL keeps no use of an expression's statistics
from a partial index, took a third of all rows for slow, and read the whole table."""

from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    dependencies = [("executions", "0012_statistics")]

    operations = [
        migrations.RemoveIndex(model_name="execution", name="executions_response_time"),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                F("finished_at") - F("requested_at"), name="executions_response_time"
            ),
        ),
    ]
