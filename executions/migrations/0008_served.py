"""What each version served is counted in an index alone."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("executions", "0007_history")]

    operations = [
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                fields=["version", "status"],
                condition=Q(purpose="prediction"),
                name="executions_served",
            ),
        ),
    ]
