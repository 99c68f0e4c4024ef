"""Saved cases, what tests recorded, notes, and what each input contributed."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0002_finished_rows_stand"),
        ("models_registry", "0004_configuration_cases_and_rehearsals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Explanation",
            fields=[
                (
                    "execution",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="explanation",
                        serialize=False,
                        to="executions.execution",
                    ),
                ),
                ("content", models.JSONField(null=True)),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.AddField(
            model_name="execution",
            name="diagnostics",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="execution",
            name="note",
            field=models.TextField(blank=True, max_length=1000),
        ),
        migrations.AddField(
            model_name="execution",
            name="test_case",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="executions",
                to="models_registry.testcase",
            ),
        ),
    ]
