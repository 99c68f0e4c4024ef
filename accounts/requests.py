"""The request as every view behind the sign-in gets it."""

from django.http import HttpRequest

from accounts.models import User


class SignedInRequest(HttpRequest):
    """LoginRequiredMiddleware lets only signed-in people reach a view that is not public."""

    user: User
