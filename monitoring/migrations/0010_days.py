"""What each day came to, counted once (docs/adr/0008)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0007_rehearsals_check_a_file"),
        ("monitoring", "0002_the_timeline_stands"),
    ]

    operations = [
        migrations.CreateModel(
            name="CountedZone",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64, unique=True)),
                ("through", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "counted timezone",
            },
        ),
        migrations.CreateModel(
            name="DayTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "Person"), ("error", "Error")], max_length=10
                    ),
                ),
                ("key", models.CharField(max_length=32)),
                ("count", models.PositiveIntegerField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="+",
                        to="models_registry.modelversion",
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="tallies",
                        to="monitoring.countedzone",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("zone", "kind", "day", "version", "key"),
                        include=("count",),
                        name="monitoring_a_tally_is_kept_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DayTotal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("succeeded", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                ("canceled", models.PositiveIntegerField()),
                ("slow", models.PositiveIntegerField()),
                ("slow_seconds", models.FloatField()),
                ("response_seconds", models.FloatField()),
                ("queue_seconds", models.FloatField()),
                ("bins", models.JSONField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="+",
                        to="models_registry.modelversion",
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="totals",
                        to="monitoring.countedzone",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("zone", "day", "version"), name="monitoring_a_day_is_counted_once"
                    )
                ],
            },
        ),
    ]
