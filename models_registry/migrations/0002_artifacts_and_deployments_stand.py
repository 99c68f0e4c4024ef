"""A version's file never changes once the version was tested or live, and a deployment changes
once: its end."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION models_registry_artifacts_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the file of version % stays', OLD.id;
            END $$;
            CREATE TRIGGER models_registry_artifacts_stand
                BEFORE UPDATE OF sha256, format, size ON models_registry_modelversion FOR EACH ROW
                WHEN ((OLD.tested_at IS NOT NULL OR OLD.activated_at IS NOT NULL)
                      AND (NEW.sha256, NEW.format, NEW.size)
                          IS DISTINCT FROM (OLD.sha256, OLD.format, OLD.size))
                EXECUTE FUNCTION models_registry_artifacts_stand();

            CREATE FUNCTION models_registry_deployments_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
                   AND (NEW.model_id, NEW.version_id, NEW.action, NEW.started_at, NEW.text)
                       IS NOT DISTINCT FROM
                       (OLD.model_id, OLD.version_id, OLD.action, OLD.started_at, OLD.text) THEN
                    RETURN NEW;
                END IF;
                IF TG_OP = 'UPDATE' AND NEW.by_id IS NULL AND NEW.ended_at IS NOT DISTINCT FROM OLD.ended_at
                   AND (NEW.model_id, NEW.version_id, NEW.action, NEW.started_at, NEW.text)
                       IS NOT DISTINCT FROM
                       (OLD.model_id, OLD.version_id, OLD.action, OLD.started_at, OLD.text) THEN
                    RETURN NEW;  -- the person was deleted
                END IF;
                RAISE EXCEPTION 'deployments are append-only';
            END $$;
            CREATE TRIGGER models_registry_deployments_stand
                BEFORE UPDATE OR DELETE ON models_registry_deployment FOR EACH ROW
                EXECUTE FUNCTION models_registry_deployments_stand();
            """,
            """
            DROP TRIGGER models_registry_artifacts_stand ON models_registry_modelversion;
            DROP FUNCTION models_registry_artifacts_stand();
            DROP TRIGGER models_registry_deployments_stand ON models_registry_deployment;
            DROP FUNCTION models_registry_deployments_stand();
            """,
        )
    ]
