"""Tokens that may publish models."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_api_tokens")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[("predict", "Predict"), ("read", "Read"), ("publish", "Publish")],
                    max_length=20,
                ),
                size=None,
            ),
        ),
    ]
