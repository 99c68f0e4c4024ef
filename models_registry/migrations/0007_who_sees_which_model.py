"""Who sees which model: every model there is stays for everybody."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("models_registry", "0006_taking_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="registeredmodel",
            name="groups",
            field=models.ManyToManyField(blank=True, related_name="models", to="auth.group"),
        ),
        migrations.AddField(
            model_name="registeredmodel",
            name="is_for_everybody",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
