"""Which predictions a program asked for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0005_files_with_rows"),
    ]

    operations = [
        migrations.AddField(
            model_name="execution",
            name="by_program",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
