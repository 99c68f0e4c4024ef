"""Triggers that keep what a batch was asked with unchanged, and its chunks once they are finished.
A purge deletes them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0003_batches"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION executions_batches_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW IS DISTINCT FROM OLD THEN
                    RAISE EXCEPTION 'batch %: what is finished stays', OLD.execution_id;
                END IF;
                RETURN NEW;
            END $$;
            CREATE OR REPLACE TRIGGER executions_batches_stand
                BEFORE UPDATE ON executions_batch FOR EACH ROW
                EXECUTE FUNCTION executions_batches_stand();
            CREATE OR REPLACE TRIGGER executions_finished_chunks_stand
                BEFORE UPDATE ON executions_batchchunk FOR EACH ROW
                WHEN (OLD.finished_at IS NOT NULL)
                EXECUTE FUNCTION executions_batches_stand();
            """,
            """
            DROP TRIGGER executions_finished_chunks_stand ON executions_batchchunk;
            DROP TRIGGER executions_batches_stand ON executions_batch;
            DROP FUNCTION executions_batches_stand();
            """,
        ),
    ]
