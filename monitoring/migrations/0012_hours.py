"""Each day's numbers by hour as well; the days are counted anew, by themselves."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in ("DayTally", "DayTotal", "CountedZone"):
        apps.get_model("monitoring", name).objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # the rows go before their table changes
    dependencies = [("monitoring", "0011_everybody")]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AddField(
            model_name="daytotal",
            name="hours",
            field=models.JSONField(default=list),
            preserve_default=False,
        ),
    ]
