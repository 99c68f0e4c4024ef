from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_retirements"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deployment", "A new version is deployed"),
                    ("rollback", "A version is rolled back"),
                    ("retirement", "A model is not available any more"),
                    ("execution_failed", "My prediction failed"),
                    ("batch_finished", "My many rows are finished"),
                    ("message", "An administrator writes to me"),
                    ("failure_group", "A new kind of failure appears"),
                    ("regression", "A resolved failure is back"),
                    ("support_request", "Somebody asks for help"),
                    ("worker_down", "A worker is down"),
                    ("file_altered", "A model file was altered"),
                ],
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="preference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deployment", "A new version is deployed"),
                    ("rollback", "A version is rolled back"),
                    ("retirement", "A model is not available any more"),
                    ("execution_failed", "My prediction failed"),
                    ("batch_finished", "My many rows are finished"),
                    ("message", "An administrator writes to me"),
                    ("failure_group", "A new kind of failure appears"),
                    ("regression", "A resolved failure is back"),
                    ("support_request", "Somebody asks for help"),
                    ("worker_down", "A worker is down"),
                    ("file_altered", "A model file was altered"),
                ],
                max_length=40,
            ),
        ),
    ]
