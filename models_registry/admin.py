"""Models and versions in Django admin: upload, inspect, correct, promote."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, TextField
from django.forms import Textarea
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.admin import ReadOnlyAdmin, StaffModelAdmin
from config.errors import DomainError
from config.queue import kick
from models_registry import services
from models_registry.forms import ApproveForm, PromoteForm, ReplaceForm, UploadForm
from models_registry.models import Deployment, Feature, ModelVersion, RegisteredModel, Target
from models_registry.tasks import sync_prefect_deployment

SMALL_TEXTS: Any = {TextField: {"widget": Textarea(attrs={"rows": 3})}}
LIMITS: list[Any] = ["load_seconds", "predict_seconds", "slow_seconds"]


@admin.register(RegisteredModel)
class RegisteredModelAdmin(StaffModelAdmin):
    list_display = ["name", "active_version", "version_count", "created_at"]
    search_fields = ["name", "slug"]
    fieldsets = [
        (None, {"fields": ["name", "description"]}),
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
            obj.save(update_fields=form.changed_data)
            kick(sync_prefect_deployment, obj.pk)
            return
        limits = {name: form.cleaned_data[name] for name in LIMITS}
        created = services.create_model(
            name=obj.name, description=obj.description, by=request.user, **limits
        )
        obj.__dict__.update(created.__dict__)

    def get_urls(self) -> list[URLPattern]:
        upload = self.admin_site.admin_view(self.upload)
        name = "models_registry_registeredmodel_upload"
        return [path("<int:pk>/upload/", upload, name=name), *super().get_urls()]

    def upload(self, request: Any, pk: int) -> HttpResponse:
        """Receive a file as the model's next version and show its inspection."""
        model = get_object_or_404(RegisteredModel, pk=pk)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                version = services.upload_version(
                    model=model,
                    chunks=data["file"].chunks(),
                    file_name=data["file"].name,
                    config=data["config"],
                    label=data["label"],
                    release_notes=data["release_notes"],
                    by=request.user,
                )
            except DomainError as error:
                form.add_error("file", error.message)
            else:
                return redirect("admin:models_registry_modelversion_change", version.pk)
        context = self.admin_site.each_context(request) | {
            "title": f"Upload a version of {model.name}",
            "opts": self.opts,
            "model": model,
            "form": form,
        }
        status = 422 if form.errors else 200
        return render(
            request, "admin/models_registry/registeredmodel/upload.html", context, status=status
        )


class LockedOnceLive:
    """Inline rows of a version's configuration: editable until the version has been live."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request) and (obj is None or not obj.is_locked)


class FeatureInline(LockedOnceLive, admin.StackedInline):
    model = Feature
    readonly_fields = ["training_column"]
    fields = [
        "training_column",
        ("label", "unit", "group"),
        "help",
        ("kind", "requirement", "is_complete"),
        ("minimum", "maximum", "soft_minimum", "soft_maximum"),
        "choices",
        ("default", "typical"),
        ("is_sensitive", "is_listed"),
    ]

    @admin.display(description="read from the file")
    def training_column(self, feature: Feature) -> str:
        sources = ", ".join(f"{field} from {where}" for field, where in feature.sources.items())
        return f"{feature.name} ({sources})" if sources else feature.name


class TargetInline(LockedOnceLive, admin.StackedInline):
    model = Target
    fields = [("label", "unit"), "class_labels"]


@admin.register(ModelVersion)
class ModelVersionAdmin(StaffModelAdmin):
    list_display = [
        "model",
        "short_name",
        "label",
        "status",
        "tested",
        "uploaded_by",
        "uploaded_at",
    ]
    list_display_links = ["short_name"]
    list_filter = ["status", "model"]
    list_select_related = ["model", "uploaded_by"]
    search_fields = ["model__name", "sha256", "file_name"]
    fields = ["label", "description", "release_notes"]
    inlines = [FeatureInline, TargetInline]
    formfield_overrides = SMALL_TEXTS
    change_form_template = "admin/models_registry/modelversion/change_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(boolean=True, description="tested")
    def tested(self, version: ModelVersion) -> bool:
        return version.is_tested

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if any(formset.has_changed() for formset in formsets):
            services.save_configuration(version=form.instance, by=request.user)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = ModelVersion.objects.filter(pk=object_id).select_related("model").first()
        context: dict[str, Any] = {"version": version}
        if version is not None:
            context |= {
                "inspection": version.inspections.first(),
                "replace_form": ReplaceForm(),
                "title": str(version),
                "subtitle": None,
            }
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        def page(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"models_registry_modelversion_{name}",
            )

        return [
            page("inspect", require_POST(self.inspect)),
            page("replace", require_POST(self.replace)),
            page("promote", self.promote),
            page("review", self.review),
            page("discard", require_POST(self.discard)),
            *super().get_urls(),
        ]

    def inspect(self, request: Any, pk: int) -> HttpResponse:
        version = get_object_or_404(ModelVersion, pk=pk)
        return self._do(request, version, services.request_inspection)

    def replace(self, request: Any, pk: int) -> HttpResponse:
        version = get_object_or_404(ModelVersion, pk=pk)
        form = ReplaceForm(request.POST, request.FILES)
        if not form.is_valid():
            messages.error(request, "Choose a file first.")
            return redirect("admin:models_registry_modelversion_change", pk)
        file = form.cleaned_data["file"]
        return self._do(
            request, version, services.replace_artifact, chunks=file.chunks(), file_name=file.name
        )

    def discard(self, request: Any, pk: int) -> HttpResponse:
        version = get_object_or_404(ModelVersion, pk=pk)
        try:
            services.delete_draft(version=version, by=request.user)
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("admin:models_registry_modelversion_change", pk)
        messages.success(request, f"{version} is deleted.")
        return redirect("admin:models_registry_registeredmodel_change", version.model_id)

    def review(self, request: Any, pk: int) -> HttpResponse:
        """The page on which a superuser approves the types that a file was refused for."""
        if not request.user.is_superuser:
            raise PermissionDenied
        version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
        inspection = version.inspections.first()
        types = inspection.needs_approval if inspection else []
        if request.method == "POST":
            form = ApproveForm(request.POST)
            shown = form.cleaned_data["types"] if form.is_valid() else []
            return self._do(request, version, services.approve_types, types=shown)
        context = self.admin_site.each_context(request) | {
            "title": f"Review {version.short_name} of {version.model.name}",
            "opts": self.opts,
            "version": version,
            "names": [f"{module}.{name}" for module, name in types],
            "form": ApproveForm(initial={"types": types}),
            "elsewhere": ModelVersion.objects.filter(sha256=version.sha256)
            .exclude(pk=pk)
            .select_related("model"),
        }
        return render(request, "admin/models_registry/modelversion/review.html", context)

    def _do(
        self, request: Any, version: ModelVersion, service: Callable[..., Any], **arguments: Any
    ) -> HttpResponse:
        """Call a service for a version and go back to its page, with the reason if it refused."""
        try:
            service(version=version, by=request.user, **arguments)
        except DomainError as error:
            messages.error(request, error.message)
        return redirect("admin:models_registry_modelversion_change", version.pk)

    def promote(self, request: Any, pk: int) -> HttpResponse:
        """The page that says what promoting does, and does it."""
        version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
        live = version.model.versions.active().first()
        form = PromoteForm(request.POST or None, initial={"text": version.release_notes})
        if request.method == "POST" and form.is_valid():
            try:
                services.promote(version=version, text=form.cleaned_data["text"], by=request.user)
            except DomainError as error:
                form.add_error(None, error.message)
            else:
                url = reverse("executions:create", args=[version.model.slug])
                messages.success(
                    request, format_html('{} is live. <a href="{}">Open it</a>', version, url)
                )
                return redirect("admin:models_registry_modelversion_change", pk)
        context = self.admin_site.each_context(request) | {
            "title": f"Promote {version.short_name} of {version.model.name}",
            "opts": self.opts,
            "version": version,
            "live": live,
            "form": form,
        }
        return render(
            request,
            "admin/models_registry/modelversion/promote.html",
            context,
            status=422 if form.errors else 200,
        )


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ["model", "version", "action", "by", "started_at", "ended_at"]
    list_filter = ["action", "model"]
    list_select_related = ["model", "version__model", "by"]
