"""The activity record in words: one sentence for each action, and its details as rows."""

from dataclasses import dataclass
from typing import Any

from accounts.models import ActivityEvent
from config.text.numbers import written

_WHOLE = {
    "signed in": "Signed in",
    "signed out": "Signed out",
    "signed up": "Signed up",
    "sign-in failed": "Failed to sign in as {target}",
    "single sign-on refused": "Refused {target} at the single sign-on",
    "single sign-on failed": "The single sign-on with {target} failed",
    "last superuser kept": "Left {target} a superuser, as the last one",
    "account disabled": "Disabled the account of {target}",
    "account enabled": "Enabled the account of {target}",
    "account anonymised": "Anonymised a deleted account",
    "account deletion requested": "Asked to delete the account {target}",
    "account deletion withdrawn": "Kept the account {target}",
    "password changed": "Changed the password of {target}",
    "password reset": "Chose a new password for {target}",
    "password reset sent": "Sent a password reset to {target}",
    "second factor added": "Set up a second factor",
    "second factor removed": "Removed the second factor",
    "recovery codes made": "Made new recovery codes",
    "other sessions ended": "Signed out everywhere else",
    "API token made": "Made the API token “{target}”",
    "API token revoked": "Revoked the API token “{target}”",
    "person invited": "Invited {target}",
    "invitation renewed": "Made a new link for the invitation of {target}",
    "invitation revoked": "Revoked the invitation of {target}",
    "invitation accepted": "Signed up by invitation",
    "preferences changed": "Changed the profile",
    "notifications chosen": "Chose notifications",
    "own data downloaded": "Downloaded their own data",
    "help asked": "Asked for help with {target}",
    "help closed": "Closed the request about {target}",
    "person contacted": "Wrote to the person of {target}",
    "prediction purged": "Removed the content of a deleted prediction",
    "predictions purged": "Removed the content of deleted predictions",
    "mail sent again": "Sent the mail “{target}” again",
    "file found altered": "Found the file of {target} altered",
    "workers down": "No worker was running",
    "version rolled back": "Made {target} active again",
    "workers back": "A worker was running again",
    "model shown": "Changed who sees {target}",
    "group joined": "Put {target} into a group",
    "group left": "Took {target} out of a group",
    "backup made": "Made a backup in {target}",
}
"""Sentences that the general rule (`_by_rule`) would not make well."""

_OF = {
    "role", "e-mail", "inputs", "model card", "file", "runtime", "types", "reference data",
    "test case", "test cases", "periods", "replay", "note",
}  # fmt: skip
"""What is a part of the target: "the role of …"."""


@dataclass(frozen=True)
class Detail:
    """One value that was recorded with an action, before it and after it."""

    name: str
    before: str
    after: str


def sentence(event: ActivityEvent) -> str:
    """Return what was done, "Changed the role of uma@example.com from user to admin", without who
    did it."""
    whole = _WHOLE.get(event.action)
    said = whole.format(target=event.target or "somebody") if whole else _by_rule(event)
    return f"{said}{_change(event)}"


def _by_rule(event: ActivityEvent) -> str:
    """Turn "version promoted" around: "Promoted version Loan v2"."""
    what, _, verb = event.action.rpartition(" ")
    if not what:
        return f"{event.action.capitalize()} {event.target}".strip()
    link = f" the {what} of" if what in _OF and event.target else f" {what}"
    return f"{verb.capitalize()}{link} {event.target}".strip()


def _change(event: ActivityEvent) -> str:
    """Return " from user to admin" where one short value became another."""
    before, after = event.before or {}, event.after or {}
    changed = [name for name in before if name in after]
    if len(changed) != 1:
        return ""
    old, new = before[changed[0]], after[changed[0]]
    if not (isinstance(old, str) and isinstance(new, str)) or not (
        0 < len(old) < 60 > len(new) > 0
    ):
        return ""
    return f" instead of {old}" if event.target.endswith(new) else f" from {old} to {new}"


def details(event: ActivityEvent) -> list[Detail]:
    """Return everything that was recorded with the action, by name."""
    before, after = event.before or {}, event.after or {}
    return [
        Detail(
            name.replace("_", " ").capitalize(),
            _text(before[name]) if name in before else "",
            _text(after[name]) if name in after else "",
        )
        for name in {**before, **after}
    ]


def _text(value: Any) -> str:
    """Write a recorded value for people: lists in one line, numbers in the reader's notation."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return written(f"{value:,}")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return str(value)
