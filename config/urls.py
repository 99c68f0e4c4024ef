"""The addresses of the whole site."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path

from accounts.views import change_email
from models_registry.admin.group import GroupAdmin

# Roles grant permissions, and people manage the rest on their own pages: the admin edits neither.
# The provider of the single sign-on is a matter of the environment.
_UNSEEN = (Group, EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken)
for model in _UNSEEN:
    admin.site.unregister(model)
admin.site.register(Group, GroupAdmin)  # a group grants none: it says which models one sees

handler429 = "config.limits.rate_window.too_many_requests"  # allauth looks for it here
handler500 = "config.web.error_pages.server_error"

urlpatterns = [
    path("", include("models_registry.urls")),
    path("", include("executions.urls")),
    path("", include("monitoring.urls")),
    path("presets/", include("presets.urls")),
    path("notifications/", include("notifications.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/tokens/", include("executions.api.token_urls")),
    path("accounts/email/", change_email, name="account_email"),
    # `allauth.urls` would add its pages for linking providers, which this product does not use.
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("api/v1/", include("executions.api.urls")),
    path("", include("executions.dialects.urls")),
    path("admin/", admin.site.urls),
]
