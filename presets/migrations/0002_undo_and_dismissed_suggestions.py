"""Undo for deleted presets, when they were used, and suggestions nobody wants to see again."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0004_configuration_cases_and_rehearsals"),
        ("presets", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DismissedSuggestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64)),
            ],
        ),
        migrations.AlterModelOptions(
            name="preset",
            options={"ordering": [django.db.models.functions.text.Lower("name")]},
        ),
        migrations.RemoveConstraint(
            model_name="preset",
            name="presets_name_is_unique_per_person_and_model",
        ),
        migrations.AddField(
            model_name="preset",
            name="deleted_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="preset",
            name="last_used_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="preset",
            name="saved_with",
            field=models.CharField(blank=True, editable=False, max_length=40),
        ),
        migrations.AddConstraint(
            model_name="preset",
            constraint=models.UniqueConstraint(
                models.F("user"),
                models.F("model"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("deleted_at", None)),
                name="presets_name_is_unique_per_person_and_model",
            ),
        ),
        migrations.AddField(
            model_name="dismissedsuggestion",
            name="model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="models_registry.registeredmodel",
            ),
        ),
        migrations.AddField(
            model_name="dismissedsuggestion",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dismissed_suggestions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="dismissedsuggestion",
            constraint=models.UniqueConstraint(
                fields=("user", "model", "digest"), name="presets_suggestion_is_dismissed_once"
            ),
        ),
    ]
