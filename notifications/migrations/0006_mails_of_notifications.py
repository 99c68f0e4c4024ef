"""Which notification a mail tells."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0005_which_model"),
    ]

    operations = [
        migrations.AddField(
            model_name="mail",
            name="notification_id",
            field=models.BigIntegerField(editable=False, null=True, verbose_name="notification"),
        ),
    ]
