"""The provider, through allauth's `openid_connect`: the authorization code flow with PKCE, a state
and a nonce. Whatever goes wrong on the way is a SignOnRefused with a sentence; no token, code or
answer is kept, shown or logged."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth import logout
from django.db import connection
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.errors import (
    NotInGroup,
    OtherIssuer,
    ProofNeeded,
    ProviderAway,
    ProviderDeclined,
    ProviderNotUnderstood,
    SignOnCancelled,
    SignOnRefused,
    SignOnStale,
)
from accounts.single_sign_on import services
from accounts.single_sign_on.claims import claims_in, subject_in

PROOF = "single_sign_on_proof"
"""Session key: whom the provider sent, while the password of their account is asked."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


class Provider(OpenIDConnectProvider):  # type: ignore[misc]
    def get_oauth2_adapter(self, request: HttpRequest) -> "Conversation":
        return Conversation(request)

    def get_pkce_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_pkce_params()
        return params | {"nonce": _nonce_of(params["code_verifier"])}

    def extract_uid(self, data: dict[str, Any]) -> str:
        return subject_in(data["id_token"])

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        return {}  # `claims_in` reads them, and takes nothing for granted

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        return []


class Conversation(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """What is asked of the provider, and how its answers are checked, for one request."""

    nonce = ""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, settings.OIDC_ISSUER)

    @property
    def openid_config(self) -> dict[str, Any]:
        with _asking():
            config: dict[str, Any] = super().openid_config
            if config["issuer"].rstrip("/") != settings.OIDC_ISSUER:
                raise OtherIssuer
            # Neither the secret nor a token is sent where somebody on the way could read it.
            private = ("https://", f"{_origin(settings.OIDC_ISSUER)}/")
            if not all(config[name].startswith(private) for name in ENDPOINTS):
                raise ProviderNotUnderstood
        return config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return f"{settings.SITE_URL}{reverse('accounts:single_sign_on_callback')}"

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: Any = None
    ) -> Any:
        with _asking():
            self.nonce = _nonce_of(pkce_code_verifier)
            return super().get_access_token_data(request, app, client, pkce_code_verifier)

    def parse_token(self, data: Any) -> Any:
        with _asking():
            return super().parse_token(data)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> Any:
        with _asking():
            login = super().complete_login(request, app, token, **kwargs)
            identity, about = (login.account.extra_data[name] for name in ("id_token", "userinfo"))
            if not constant_time_compare(str(identity.get("nonce")), self.nonce):
                raise SignOnStale
            # OpenID Connect Core 1.0, 3.1.3.7 and 5.3.2
            if identity.get("azp", app.client_id) != app.client_id:
                raise ProviderNotUnderstood
            if about["sub"] != identity["sub"]:
                raise ProviderNotUnderstood
            login.claims = claims_in({**identity, **about}, groups_claim=settings.OIDC_GROUPS_CLAIM)
            login.account.extra_data = {}
        return login


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's hooks: where the provider is found, and what its answers lead to."""

    def get_provider(self, request: HttpRequest, provider: str, client_id: Any = None) -> Provider:
        app = SocialApp(
            provider=Provider.id,
            provider_id=settings.OIDC_ISSUER,
            name=settings.OIDC_NAME,
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={
                "server_url": settings.OIDC_ISSUER,
                "oauth_pkce_enabled": True,
                "scope": settings.OIDC_SCOPES,
            },
        )
        return Provider(request, app=app)

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 0  # a redirect could lead the secret elsewhere
        if not connection.in_atomic_block:
            connection.close()  # goes back to the pool while the provider takes its time
        return session

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        sociallogin.token = None
        try:
            sociallogin.user = services.enter(sociallogin.claims)
        except NotInGroup:
            logout(request)  # this session may be one of those that have just ended
            raise
        except ProofNeeded:
            request.session[PROOF] = {
                "claims": sociallogin.claims.to_json(),
                "next": sociallogin.state.get("next"),
                "at": timezone.now().timestamp(),
            }
            answer = redirect("accounts:single_sign_on_link")
            raise ImmediateHttpResponse(answer) from None

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        """Name what allauth would show as one error page."""
        if error == AuthError.CANCELLED:
            raise SignOnCancelled
        if "state" not in (extra_context or {}):
            raise SignOnStale
        raise ProviderDeclined from exception


@contextmanager
def _asking() -> Iterator[None]:
    """Name what goes wrong while the provider is asked, and while its answer is read: it may be
    anything."""
    try:
        yield
    except SignOnRefused:
        raise
    except (requests.ConnectionError, requests.Timeout) as error:
        raise ProviderAway from error
    except requests.HTTPError as error:
        is_ill = error.response is not None and error.response.status_code >= 500
        raise (ProviderAway if is_ill else ProviderNotUnderstood) from error
    except (
        requests.RequestException,
        OAuth2Error,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise ProviderNotUnderstood from error


def _nonce_of(code_verifier: str) -> str:
    """Return the nonce of a sign-in: it is bound to the session as the verifier is, which only the
    session and the token request hold."""
    return hashlib.sha256(f"nonce {code_verifier}".encode()).hexdigest()


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
