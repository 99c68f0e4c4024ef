"""Versions in Django admin: their facts, their inputs, and the ways on from there."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts.admin import StaffModelAdmin
from models_registry import services
from models_registry.admin import file_pages, reference
from models_registry.admin.inspection_page import inspection_context
from models_registry.admin.promotion import promote
from models_registry.admin.registered_model import SMALL_TEXTS
from models_registry.forms import ReplaceForm
from models_registry.models import Feature, ModelVersion, Target


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
                **inspection_context(version),
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
            page("inspect", file_pages.inspect),
            page("replace", file_pages.replace),
            page("discard", file_pages.discard),
            page("review", file_pages.review),
            page("inspection", file_pages.inspection),
            page("reference", reference.reference),
            page("remove_reference", reference.remove_reference),
            page("interval", reference.request_interval),
            page("promote", promote),
            *super().get_urls(),
        ]
