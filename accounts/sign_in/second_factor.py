"""The second factor that the site may ask of its admins."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings

from accounts.models import User


def lacks_second_factor(person: User) -> bool:
    """Return whether the person may do nothing as an admin before they set up a second factor
    (REQUIRE_ADMIN_SECOND_FACTOR). A service account is no admin and never signs in."""
    return settings.REQUIRE_ADMIN_SECOND_FACTOR and person.is_staff and not is_mfa_enabled(person)
