"""A rehearsal may also look whether a version's stored file is right and opens today."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0005_revisions_stand")]

    operations = [
        migrations.AlterField(
            model_name="rehearsal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("impact", "Impact on real inputs"),
                    ("calibration", "Interval from reference data"),
                    ("check", "Check of the file"),
                ],
                max_length=12,
            ),
        )
    ]
