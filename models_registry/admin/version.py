"""Versions in Django admin: their facts, and links to their pages."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts.admin import StaffModelAdmin
from models_registry.admin import configuration, file_pages, reference
from models_registry.admin.deployments import rollback
from models_registry.admin.deployments.promotion import promote
from models_registry.admin.model_card import card, card_pdf
from models_registry.admin.registered_model import SMALL_TEXTS
from models_registry.admin.version_page import version_context
from models_registry.models import ModelVersion


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
    formfield_overrides = SMALL_TEXTS
    change_form_template = "admin/models_registry/modelversion/change_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(boolean=True, description="tested")
    def tested(self, version: ModelVersion) -> bool:
        return version.is_tested

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        known = ModelVersion.objects.with_use().select_related(
            "model", "uploaded_by", "reference_data"
        )
        version = known.filter(pk=object_id).first() if object_id.isdecimal() else None
        context: dict[str, Any] = {"version": version}
        if version is not None:
            tab = "text" if request.method == "POST" else request.GET.get("tab", "")
            context |= version_context(version, tab) | {"title": str(version), "subtitle": None}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Return from the form of label and description to where it stands."""
        super().response_change(request, obj)
        page = reverse("admin:models_registry_modelversion_change", args=[obj.pk])
        return redirect(f"{page}?tab=text#parts")

    def get_urls(self) -> list[URLPattern]:
        def page(name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
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
            page("inputs", configuration.inputs),
            page("duplicate", configuration.duplicate),
            page("take_over", configuration.take_over),
            page("reference", reference.reference),
            page("remove_reference", reference.remove_reference),
            page("interval", reference.request_interval),
            page("promote", promote),
            page("rollback", rollback.rollback),
            page("verify", rollback.verify),
            page("download", file_pages.download),
            page("card", card),
            page("card_pdf", card_pdf),
            *super().get_urls(),
        ]
