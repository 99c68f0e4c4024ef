import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0005_examples"),
    ]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="takes_over",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="models_registry.modelversion",
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="taken_over",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
