"""Triggers and constraints that keep files, deployments, approvals and revisions unchanged."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0001_initial"),
        ("accounts", "0002_records_stand"),
    ]

    operations = [
        # A version's file never changes once it was tested or live, and a deployment changes once: its
        # end.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION models_registry_artifacts_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the file of version % stays', OLD.id;
            END $$;
            CREATE OR REPLACE TRIGGER models_registry_artifacts_stand
                BEFORE UPDATE OF sha256, format, size ON models_registry_modelversion FOR EACH ROW
                WHEN ((OLD.tested_at IS NOT NULL OR OLD.activated_at IS NOT NULL)
                      AND (NEW.sha256, NEW.format, NEW.size)
                          IS DISTINCT FROM (OLD.sha256, OLD.format, OLD.size))
                EXECUTE FUNCTION models_registry_artifacts_stand();

            CREATE OR REPLACE FUNCTION models_registry_deployments_stand() RETURNS trigger LANGUAGE plpgsql AS $$
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
            CREATE OR REPLACE TRIGGER models_registry_deployments_stand
                BEFORE UPDATE OR DELETE ON models_registry_deployment FOR EACH ROW
                EXECUTE FUNCTION models_registry_deployments_stand();
            """,
            """
            DROP TRIGGER models_registry_artifacts_stand ON models_registry_modelversion;
            DROP TRIGGER models_registry_deployments_stand ON models_registry_deployment;
            DROP FUNCTION models_registry_artifacts_stand();
            DROP FUNCTION models_registry_deployments_stand();
            """,
        ),
        # An approval of a type stands once given.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION models_registry_approvals_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' AND NEW.approved_by_id IS NULL
                   AND (NEW.id, NEW.sha256, NEW.module, NEW.name, NEW.approved_at)
                       IS NOT DISTINCT FROM
                       (OLD.id, OLD.sha256, OLD.module, OLD.name, OLD.approved_at) THEN
                    RETURN NEW;  -- the person was deleted
                END IF;
                RAISE EXCEPTION 'approvals of types are append-only';
            END $$;
            CREATE OR REPLACE TRIGGER models_registry_approvals_stand
                BEFORE UPDATE OR DELETE ON models_registry_typeapproval FOR EACH ROW
                EXECUTE FUNCTION models_registry_approvals_stand();
            """,
            """
            DROP TRIGGER models_registry_approvals_stand ON models_registry_typeapproval;
            DROP FUNCTION models_registry_approvals_stand();
            """,
        ),
        # A saved revision never changes and goes only with its draft.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION models_registry_revisions_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN  -- asked at the end of the transaction
                    IF EXISTS (SELECT 1 FROM models_registry_modelversion WHERE id = OLD.version_id) THEN
                        RAISE EXCEPTION 'revisions are append-only';
                    END IF;
                    RETURN NULL;
                END IF;
                IF NEW.by_id IS NULL
                   AND (NEW.id, NEW.version_id, NEW.number, NEW.configuration, NEW.changes, NEW.at)
                       IS NOT DISTINCT FROM
                       (OLD.id, OLD.version_id, OLD.number, OLD.configuration, OLD.changes, OLD.at) THEN
                    RETURN NEW;  -- the person was deleted
                END IF;
                RAISE EXCEPTION 'revisions are append-only';
            END $$;
            CREATE OR REPLACE TRIGGER models_registry_revisions_stand
                BEFORE UPDATE ON models_registry_revision FOR EACH ROW
                EXECUTE FUNCTION models_registry_revisions_stand();
            DROP TRIGGER IF EXISTS models_registry_revisions_stay ON models_registry_revision;
            CREATE CONSTRAINT TRIGGER models_registry_revisions_stay
                AFTER DELETE ON models_registry_revision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                EXECUTE FUNCTION models_registry_revisions_stand();
            """,
            """
            DROP TRIGGER models_registry_revisions_stand ON models_registry_revision;
            DROP TRIGGER models_registry_revisions_stay ON models_registry_revision;
            DROP FUNCTION models_registry_revisions_stand();
            """,
        ),
        # None of them can be truncated.
        migrations.RunSQL(
            """
            CREATE OR REPLACE TRIGGER models_registry_deployment_is_not_truncated
                BEFORE TRUNCATE ON models_registry_deployment FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            CREATE OR REPLACE TRIGGER models_registry_typeapproval_is_not_truncated
                BEFORE TRUNCATE ON models_registry_typeapproval FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            CREATE OR REPLACE TRIGGER models_registry_revision_is_not_truncated
                BEFORE TRUNCATE ON models_registry_revision FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            """
            DROP TRIGGER models_registry_deployment_is_not_truncated ON models_registry_deployment;
            DROP TRIGGER models_registry_typeapproval_is_not_truncated ON models_registry_typeapproval;
            DROP TRIGGER models_registry_revision_is_not_truncated ON models_registry_revision;
            """,
        ),
    ]
