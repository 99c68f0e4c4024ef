"""An input takes other values than its choices, or any where no step uses it; and has a limit of
its own for texts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0008_nobody_empties_the_records")]

    operations = [
        migrations.AddField(
            model_name="feature",
            name="takes_others",
            field=models.BooleanField(
                "other values run, too",
                default=False,
                help_text="What encodes the choices takes other values. They run with a warning.",
            ),
        ),
        migrations.AddField(
            model_name="feature",
            name="max_length",
            field=models.PositiveIntegerField(
                "longest text",
                null=True,
                blank=True,
                help_text="In characters; empty: the site's limit.",
            ),
        ),
        migrations.AlterField(
            model_name="feature",
            name="kind",
            field=models.CharField(
                choices=[
                    ("integer", "Whole number"),
                    ("float", "Number"),
                    ("string", "Text"),
                    ("boolean", "Yes or no"),
                    ("choice", "Choice"),
                    ("unused", "Not used by the model"),
                ],
                max_length=10,
            ),
        ),
    ]
