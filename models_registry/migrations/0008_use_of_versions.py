"""How often people asked each version, counted once."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0007_who_sees_which_model"),
    ]

    operations = [
        migrations.CreateModel(
            name="VersionUse",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="use",
                        serialize=False,
                        to="models_registry.modelversion",
                    ),
                ),
                ("succeeded", models.PositiveBigIntegerField(default=0)),
                ("failed", models.PositiveBigIntegerField(default=0)),
                ("canceled", models.PositiveBigIntegerField(default=0)),
                ("through", models.DateTimeField()),
            ],
        ),
    ]
