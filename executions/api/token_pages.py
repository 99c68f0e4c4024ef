"""A person's page of API tokens: list, make, revoke. A token's secret is shown once, in the answer
to the request that made it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Scope, User
from accounts.requests import SignedInRequest
from accounts.tokens.services import DEFAULT_DAYS, make_token, revoke_token
from config.errors import refusals_in
from models_registry.models import RegisteredModel

SCOPES = [
    (Scope.PREDICT, "Predict: ask models, follow and cancel what the token asked"),
    (Scope.READ, "Read: all of your predictions, with their inputs and results"),
    (Scope.PUBLISH, "Publish: upload, test and promote versions of models"),
]
DAYS = [(30, "30 days"), (DEFAULT_DAYS, f"{DEFAULT_DAYS} days"), (365, "1 year")]


class TokenForm(forms.Form):
    """What a new token of an account is for. ``only_models`` empty: all models that it sees."""

    name = forms.CharField(
        max_length=80, help_text="Where you will use it, so that you know which one to revoke."
    )
    scopes = forms.MultipleChoiceField(
        choices=SCOPES,
        initial=[Scope.PREDICT],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what the token may do."},
    )
    only_models = forms.MultipleChoiceField(
        label="Only for these models", required=False, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(
        label="Expires after", choices=DAYS, coerce=int, initial=DEFAULT_DAYS
    )

    def __init__(self, account: User, data: Any = None) -> None:
        super().__init__(data)
        scopes, only_models = self.fields["scopes"], self.fields["only_models"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        assert isinstance(only_models, forms.MultipleChoiceField)
        models = RegisteredModel.objects.visible_to(account)
        if not account.may_publish:
            models = models.live()
            scopes.choices = [one for one in SCOPES if one[0] != Scope.PUBLISH]
        only_models.choices = [(model.slug, model.name) for model in models.order_by("name")]


@sensitive_variables("secret")
@require_http_methods(["GET", "POST"])
def token_list(request: SignedInRequest) -> HttpResponse:
    """Show the person's tokens; a POST makes one and shows its secret."""
    form = TokenForm(request.user, request.POST if request.method == "POST" else None)
    token, secret = None, ""
    if request.method == "POST" and form.is_valid():
        with refusals_in(form):
            token, secret = make_token(user=request.user, by=request.user, **form.cleaned_data)
    seen = {*RegisteredModel.objects.visible_to(request.user).values_list("slug", flat=True)}
    context = {
        "form": TokenForm(request.user) if token else form,
        "made": token,
        "secret": secret,
        "tokens": [
            (one, [slug for slug in one.only_models if slug in seen])
            for one in request.user.api_tokens.filter(revoked_at=None)[:200]
        ],
    }
    status = 422 if form.errors and token is None else 200
    return render(request, "executions/api/token_list.html", context, status=status)


@require_POST
def token_revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """End one of the person's own tokens at once."""
    token = get_object_or_404(request.user.api_tokens.select_related("user"), pk=pk)
    if revoke_token(token=token, by=request.user):
        messages.success(request, f"“{token.name}” is revoked. Programs that use it are refused.")
    return redirect("tokens:list")
