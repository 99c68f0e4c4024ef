"""How a person writes numbers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_activity_is_append_only")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="number_format",
            field=models.CharField(
                blank=True,
                choices=[("", "Automatic"), (".", "1,234.5"), (",", "1.234,5")],
                default="",
                max_length=1,
            ),
        )
    ]
