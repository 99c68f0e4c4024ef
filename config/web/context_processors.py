"""Variables of every template."""

from django.conf import settings
from django.http import HttpRequest

from config.demo import past


def site(request: HttpRequest) -> dict[str, str | bool]:
    return {
        "site_name": settings.SITE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "registration": settings.REGISTRATION,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "asks_for_confirmation": settings.REQUIRE_EMAIL_CONFIRMATION,
        "has_invented_past": past.is_said(),
        "is_unsandboxed": settings.ALLOW_UNSANDBOXED_MODELS,
    }
