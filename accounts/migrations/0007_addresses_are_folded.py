from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_fold_addresses")]

    operations = [
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "email",
                        models.Func("email", template="normalize(%(expressions)s, NFKC)"),
                    ),
                    models.Q(("email__contains", "ı"), _negated=True),
                ),
                name="accounts_email_is_folded",
            ),
        ),
    ]
