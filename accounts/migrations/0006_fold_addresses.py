"""Write each address in its folded form, as sign-up and sign-in do from now on.

Of two accounts whose addresses fold to one, the one that already has the folded form (else the
older one) keeps it. The other one's address is set aside and the account disabled: the record says
which address it was, and a superuser can ask the person."""

from typing import Any

from django.db import migrations

from accounts.managers import folded


def fold(apps: Any, schema_editor: Any) -> None:
    people = apps.get_model("accounts", "User").objects
    addresses = apps.get_model("account", "EmailAddress").objects
    events = apps.get_model("accounts", "ActivityEvent").objects
    for person in people.order_by("pk").iterator():
        email = folded(person.email)
        if email == person.email:
            continue
        before, is_taken = person.email, people.filter(email=email).exists()
        person.email = f"look-alike-{person.pk}@invalid" if is_taken else email
        person.is_active = person.is_active and not is_taken
        person.save(update_fields=["email", "is_active"])
        events.create(
            action="e-mail changed",
            target=person.email,
            before={"email": before},
            after={"email": person.email},
        )
    for address in addresses.order_by("-primary", "-verified", "pk"):
        email = folded(address.email)
        if email == address.email:
            continue
        is_own = people.filter(pk=address.user_id, email=email).exists()
        if is_own and not addresses.filter(user=address.user_id, email=email).exists():
            addresses.filter(pk=address.pk).update(email=email)
        else:
            address.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_user_deletion"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop, elidable=True)]
