"""Tallies over all versions beside those of each; the days are counted anew, by themselves."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in ("DayTally", "DayTotal", "CountedZone"):
        apps.get_model("monitoring", name).objects.all().delete()


class Migration(migrations.Migration):
    atomic = False  # the rows go before their table changes
    dependencies = [("monitoring", "0010_days")]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="daytally",
            name="version",
            field=models.ForeignKey(
                null=True,
                on_delete=models.CASCADE,
                related_name="+",
                to="models_registry.modelversion",
            ),
        ),
        migrations.RemoveConstraint(model_name="daytally", name="monitoring_a_tally_is_kept_once"),
        migrations.AddConstraint(
            model_name="daytally",
            constraint=models.UniqueConstraint(
                fields=("zone", "kind", "day", "version", "key"),
                include=("count",),
                nulls_distinct=False,
                name="monitoring_a_tally_is_kept_once",
            ),
        ),
    ]
