"""Sessions in the database (SESSION_ENGINE), read in one query with their person and with when they
were last seen."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends import db
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User


class SessionStore(db.SessionStore):
    """Django's store. ``seen`` is allauth's row of the session, with its person; None before the
    first page after a sign-in, and for a session of nobody."""

    seen: UserSession | None = None

    def load(self) -> dict[str, object]:
        sessions = self.model.objects.filter(
            session_key=OuterRef("session_key"), expire_date__gt=timezone.now()
        )
        seen = (
            UserSession.objects.filter(session_key=self.session_key)
            .select_related("user")
            .annotate(session_data=Subquery(sessions.values("session_data")))
            .first()
        )
        if seen is None or seen.session_data is None:
            data: dict[str, object] = super().load()
            return data
        self.seen = seen
        decoded: dict[str, object] = self.decode(seen.session_data)
        return decoded


def person_of(request: HttpRequest) -> User | AnonymousUser:
    """Return the signed-in person. The one read with the session must pass what Django's own
    `get_user` checks; whatever does not pass goes to Django, which reads the person itself. A
    service account is never signed in."""
    person = _person_of(request)
    return AnonymousUser() if getattr(person, "is_service", False) else person


def _person_of(request: HttpRequest) -> User | AnonymousUser:
    session = request.session
    hash_kept = session.get(auth.HASH_SESSION_KEY) or ""  # loads the session
    seen = getattr(session, "seen", None)
    if (
        seen is not None
        and session.get(auth.SESSION_KEY) == str(seen.user_id)
        and session.get(auth.BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and seen.user.is_active
        and constant_time_compare(hash_kept, seen.user.get_session_auth_hash())
    ):
        person: User = seen.user
        return person
    other: User | AnonymousUser = auth.get_user(request)
    return other
