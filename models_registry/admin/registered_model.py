"""Models in Django admin."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, TextField
from django.forms import (
    CheckboxSelectMultiple,
    ModelForm,
    ModelMultipleChoiceField,
    RadioSelect,
    Textarea,
    TypedChoiceField,
)
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path

from accounts.admin import StaffModelAdmin
from accounts.models import User
from config.errors import DomainError
from config.queue import kick
from models_registry import services
from models_registry.admin.deployments.retirement import retire
from models_registry.admin.history.comparison import compare
from models_registry.admin.history.model_history import history_of
from models_registry.admin.history.periods import periods
from models_registry.admin.upload import upload
from models_registry.models import RegisteredModel
from models_registry.tasks import sync_prefect_deployment
from models_registry.visibility import people_who_see, who_sees

SMALL_TEXTS: Any = {TextField: {"widget": Textarea(attrs={"rows": 3})}}
LIMITS: list[Any] = ["load_seconds", "predict_seconds", "slow_seconds"]
SEEN_BY: list[Any] = ["is_for_everybody", "groups"]


class RegisteredModelForm(ModelForm):
    """A model's name, description and limits, and who sees it."""

    is_for_everybody = TypedChoiceField(
        label="Who sees it",
        choices=[
            (True, "Everybody who has an account"),
            (False, "The people of these groups, and admins"),
        ],
        coerce=lambda value: value == "True",
        empty_value=None,
        required=False,
        initial=True,
        widget=RadioSelect(attrs={"class": "radiolist"}),
    )
    groups = ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        widget=CheckboxSelectMultiple(attrs={"class": "checkboxselectmultiple"}),
        help_text="Without a group, admins alone see it. Superusers make groups.",
    )

    def clean_is_for_everybody(self) -> bool:
        """Return the choice; where none was sent it stays, and a new model is for everybody."""
        chosen: bool | None = self.cleaned_data["is_for_everybody"]
        return self.instance.is_for_everybody if chosen is None else chosen

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            services.check_model_name(name)
        except DomainError as error:
            raise ValidationError(error.message) from error
        return name


@admin.register(RegisteredModel)
class RegisteredModelAdmin(StaffModelAdmin):
    form = RegisteredModelForm
    list_display = ["name", "active_version", "version_count", "created_at"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "description", *SEEN_BY]}),
        ("Limits", {"fields": LIMITS}),
    ]
    change_form_template = "admin/models_registry/registeredmodel/change_form.html"
    formfield_overrides = SMALL_TEXTS

    def get_queryset(self, request: HttpRequest) -> Any:
        models = super().get_queryset(request).prefetch_related("versions")
        return models.annotate(version_total=Count("versions"))

    @admin.display(description="live")
    def active_version(self, model: RegisteredModel) -> str:
        live = [version for version in model.versions.all() if version.is_active]
        return live[0].short_name if live else "–"

    @admin.display(description="versions", ordering="version_total")
    def version_count(self, model: Any) -> int:
        return int(model.version_total)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name not in SEEN_BY])
            kick(sync_prefect_deployment, obj.pk)
        else:
            limits = {name: form.cleaned_data[name] for name in LIMITS}
            created = services.create_model(
                name=obj.name, description=obj.description, by=request.user, **limits
            )
            obj.__dict__.update(created.__dict__)
        services.show_model(
            model=obj, by=request.user, **{name: form.cleaned_data[name] for name in SEEN_BY}
        )

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: the groups are saved with the model."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        model = (
            RegisteredModel.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        )
        context: dict[str, Any] = {"subtitle": None}
        if model is not None:
            assert isinstance(request.user, User)
            context |= {
                "title": str(model),
                "model": model,
                "history": history_of(model, request.GET, request.user.zone),
                "people": people_who_see(model).count(),
                "who_sees": who_sees(model),
                "live": model.versions.active().first(),
                "ended": model.deployments.filter(action="retirement").first(),
            }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Redirect from a new model to the upload of its first file."""
        if "_continue" in request.POST or "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        return redirect("admin:models_registry_registeredmodel_upload", obj.pk)

    def get_urls(self) -> list[URLPattern]:
        def page(name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
            return path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"models_registry_registeredmodel_{name}",
            )

        return [
            page("upload", upload),
            page("periods", periods),
            page("compare", compare),
            page("retire", retire),
            *super().get_urls(),
        ]
