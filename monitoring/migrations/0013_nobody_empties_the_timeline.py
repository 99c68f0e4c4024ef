"""What was done about a failure cannot be truncated."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0012_hours"),
        ("accounts", "0008_nobody_empties_the_record"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE TRIGGER monitoring_the_timeline_is_not_truncated
                BEFORE TRUNCATE ON monitoring_failurenote FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            "DROP TRIGGER monitoring_the_timeline_is_not_truncated ON monitoring_failurenote;",
        )
    ]
