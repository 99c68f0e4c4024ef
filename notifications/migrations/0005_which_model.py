"""The models that earlier notifications are about, as far as they say so themselves."""

from django.db import migrations

FILL = """
UPDATE notifications_notification
SET model_id = (context ->> 'model_id')::bigint
WHERE context ? 'model_id'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_hidden_models"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
