"""What went live, which types were approved and how inputs were configured cannot be truncated."""

from django.db import migrations

TABLES = ("deployment", "typeapproval", "revision")


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0007_rehearsals_check_a_file"),
        ("accounts", "0008_nobody_empties_the_record"),
    ]

    operations = [
        migrations.RunSQL(
            f"""
            CREATE TRIGGER models_registry_{table}_is_not_truncated
                BEFORE TRUNCATE ON models_registry_{table} FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            f"DROP TRIGGER models_registry_{table}_is_not_truncated ON models_registry_{table};",
        )
        for table in TABLES
    ]
