from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0004_tries_of_runtimes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="rehearsal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("impact", "Impact on real inputs"),
                    ("calibration", "Interval from reference data"),
                    ("check", "Check of the file"),
                    ("runtime", "Try in another runtime"),
                    ("example", "Answer to the typical row"),
                ],
                max_length=12,
            ),
        ),
    ]
