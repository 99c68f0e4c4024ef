"""Groups of people in Django admin: which models somebody sees. Superusers alone."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html_join

from accounts.admin import SuperuserOnly
from accounts.managers import folded
from accounts.models import Invitation, User
from config.errors import DomainError
from config.text.numbers import count_text
from models_registry import services

NAMED = 5
"""The number of unknown addresses that an error names."""


class GroupForm(forms.ModelForm):
    """A group's name, and its people by address. What the page showed is sent along, so that a
    change takes only those out whose line was removed."""

    people = forms.CharField(
        required=False,
        show_hidden_initial=True,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="One e-mail address on each line. Service accounts have one, too.",
    )

    class Meta:
        model = Group
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            emails = self.instance.user_set.order_by("email").values_list("email", flat=True)
            self.initial["people"] = "\n".join(emails)
        if settings.OIDC_ISSUER:
            self.fields["people"].help_text += (
                f" Whoever signs in with {settings.OIDC_NAME} has the groups that it names, from "
                "each sign-in on."
            )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            services.check_group_name(name, self.instance)
        except DomainError as error:
            raise forms.ValidationError(error.message) from error
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        shown = self.data.get(self.add_initial_prefix("people"), "")
        before, after = _addresses(shown), _addresses(cleaned.get("people", ""))
        known = {person.email: person for person in User.objects.filter(email__in=before | after)}
        unknown = sorted(after - known.keys())
        if unknown:
            more = f" and {count_text(len(unknown) - NAMED)} more" if len(unknown) > NAMED else ""
            self.add_error(
                "people", f"Nobody here has the address {', '.join(unknown[:NAMED])}{more}."
            )
        self.added = [known[email] for email in sorted(after - before) if email in known]
        self.removed = [known[email] for email in sorted(before - after) if email in known]
        return cleaned


def _addresses(text: str) -> set[str]:
    return {folded(word) for word in re.split(r"[\s,;]+", text.replace("\0", "")) if word}


class GroupAdmin(SuperuserOnly):
    list_title = "Groups"
    form = GroupForm
    fields = ["name", "people", "sees"]
    readonly_fields = ["sees"]
    list_display = ["name", "people_count", "model_count"]
    search_fields = ["name"]
    ordering = ["name"]
    actions = None
    delete_confirmation_template = "admin/auth/group/delete.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> Any:
        groups = super().get_queryset(request)
        return groups.annotate(
            people_total=Count("user", distinct=True), model_total=Count("models", distinct=True)
        )

    @admin.display(description="people", ordering="people_total")
    def people_count(self, group: Any) -> int:
        return int(group.people_total)

    @admin.display(description="models", ordering="model_total")
    def model_count(self, group: Any) -> int:
        return int(group.model_total)

    @admin.display(description="models")
    def sees(self, group: Group) -> str:
        models = group.models.filter(is_for_everybody=False) if group.pk else ()
        links = [
            (reverse("admin:models_registry_registeredmodel_change", args=[model.pk]), model)
            for model in models
        ]
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "Those for everybody"

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        saved = services.save_group(
            group=obj if change else None,
            name=form.cleaned_data["name"],
            added=form.added,
            removed=form.removed,
            by=request.user,
        )
        obj.__dict__.update(saved.__dict__)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: the people are saved with the group."""

    def get_deleted_objects(self, objs: Any, request: Any) -> tuple[list[str], Any, Any, Any]:
        """Return the effects in a few lines, not a line for each person."""
        said = []
        for group in objs:
            count = group.user_set.count()
            said.append(
                f"{count_text(count)} {'person leaves' if count == 1 else 'people leave'} it."
            )
            if invited := Invitation.objects.pending().filter(groups__group=group).count():
                said.append(
                    "1 invitation gives it, and counts without it then."
                    if invited == 1
                    else f"{count_text(invited)} invitations give it, and count without it then."
                )
            said += [
                f"{model}: admins alone see it then, until you choose another group."
                if is_last
                else f"{model}: its other groups still see it."
                for model, is_last in _models_of(group)
            ]
        return said, {}, set(), []

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().change_view(request, object_id, form_url, _titled(object_id, "Group"))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, _titled(object_id, "Delete"))

    def delete_model(self, request: Any, obj: Any) -> None:
        services.delete_group(group=obj, by=request.user)


def _titled(object_id: str, act: str) -> dict[str, Any]:
    group = Group.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
    return {"title": f"{act} {group.name if group else ''}".strip(), "subtitle": None}


def _models_of(group: Group) -> list[tuple[Any, bool]]:
    """The models that the group sees, and whether it is their last group."""
    models = group.models.filter(is_for_everybody=False)
    return [(model, not model.groups.exclude(pk=group.pk).exists()) for model in models]
