"""Which notification a mail tells."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0005_which_model"),
    ]

    operations = [
        migrations.AddField(
            model_name="mail",
            name="notification",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="mails",
                to="notifications.notification",
            ),
        ),
    ]
