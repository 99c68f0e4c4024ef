"""The limits of an input keep whole numbers beyond 2**53, which a double precision column rounds."""

from django.db import migrations, models

LIMITS = {
    "minimum": {"help_text": "A smaller value is refused."},
    "maximum": {"help_text": "A larger value is refused."},
    "soft_minimum": {
        "verbose_name": "trained from",
        "help_text": "A smaller value runs, with a warning.",
    },
    "soft_maximum": {
        "verbose_name": "trained to",
        "help_text": "A larger value runs, with a warning.",
    },
}


def _columns(kind: str, value: str) -> str:
    changes = ", ".join(
        f"ALTER COLUMN {name} TYPE {kind} USING {value.format(name)}" for name in LIMITS
    )
    return f"ALTER TABLE models_registry_feature {changes}"


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0009_inputs_take_other_values")]

    operations = [
        migrations.RunSQL(
            _columns("jsonb", "to_jsonb({})"),
            _columns("double precision", "({} #>> '{{}}')::double precision"),
            state_operations=[
                migrations.AlterField(
                    model_name="feature",
                    name=name,
                    field=models.JSONField(null=True, blank=True, **options),
                )
                for name, options in LIMITS.items()
            ],
        )
    ]
