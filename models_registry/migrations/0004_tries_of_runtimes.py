from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0003_runtimes"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="libraries_running",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="rehearsal",
            name="libraries",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="rehearsal",
            name="own_runtime",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AlterField(
            model_name="rehearsal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("impact", "Impact on real inputs"),
                    ("calibration", "Interval from reference data"),
                    ("check", "Check of the file"),
                    ("runtime", "Try in another runtime"),
                ],
                max_length=12,
            ),
        ),
    ]
