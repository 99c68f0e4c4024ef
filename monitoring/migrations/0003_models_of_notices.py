"""The models that earlier notifications about a prediction, a message, a failure or a file are
about."""

from django.db import migrations

PREDICTIONS = """
UPDATE notifications_notification AS notice
SET model_id = version.model_id
FROM executions_execution AS execution
JOIN models_registry_modelversion AS version ON version.id = execution.version_id
WHERE notice.model_id IS NULL AND notice.cause = 'execution ' || execution.id::text
"""
MESSAGES = """
UPDATE notifications_notification AS notice
SET model_id = version.model_id
FROM monitoring_supportmessage AS message
JOIN monitoring_supportrequest AS request ON request.id = message.request_id
JOIN executions_execution AS execution ON execution.id = request.execution_id
JOIN models_registry_modelversion AS version ON version.id = execution.version_id
WHERE notice.model_id IS NULL AND notice.cause = 'support message ' || message.id::text
"""
FAILURES = """
UPDATE notifications_notification AS notice
SET model_id = failure_group.model_id
FROM monitoring_failuregroup AS failure_group
WHERE notice.model_id IS NULL
AND notice.kind IN ('failure_group', 'regression')
AND notice.url = '/monitoring/failures/' || failure_group.id::text || '/'
"""
FILES = """
UPDATE notifications_notification AS notice
SET model_id = version.model_id
FROM models_registry_modelversion AS version
WHERE notice.model_id IS NULL
AND notice.kind = 'file_altered'
AND notice.cause LIKE 'version ' || version.id::text || ' altered, %'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0002_records_stand"),
        ("executions", "0006_asked_by_programs"),
        ("models_registry", "0006_taking_over"),
        ("notifications", "0005_which_model"),
    ]

    operations = [
        migrations.RunSQL(fill, migrations.RunSQL.noop)
        for fill in (PREDICTIONS, MESSAGES, FAILURES, FILES)
    ]
