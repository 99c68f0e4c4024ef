"""Where a person is signed in."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from accounts.models import User


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Sign a person out everywhere, except in the session with the key ``but``.

    Returns how many sessions ended.
    """
    own = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    Session.objects.filter(session_key__in=own.values("session_key")).delete()
    ended: int = own.delete()[0]
    return ended
