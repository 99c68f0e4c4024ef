"""The frame of a page of our own in Django admin, and the base classes of the others."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import display_for_value, get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.text import capfirst


def admin_page(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render a page of our own in Django admin, with the admin's frame around it."""
    page = admin.site.each_context(request) | {"title": title, **context}
    return render(request, template, page, status=status)


def list_title(model: type[Model]) -> str:
    """Return the heading of a list, by which links name it too."""
    page: Any = admin.site.get_model_admin(model)
    return str(page.list_title or capfirst(model._meta.verbose_name_plural))


def as_shown(at: datetime | None, none: str = "–") -> str:
    """Write a moment as Django's lists do. What a method gives to a page of one row stands there as
    it is, with microseconds or as None."""
    return str(display_for_value(at, none))


class StaffChangeList(ChangeList):
    """Django's list, which treats an impossible value in the query string as a wrong address (it
    shows the list itself) and never answers with a server error."""

    def get_filters(self, request: HttpRequest) -> Any:
        if any("\x00" in value for values in self.filter_params.values() for value in values):
            raise IncorrectLookupParameters("Text cannot contain a NUL character.")
        try:
            return super().get_filters(request)
        except (ValueError, OverflowError) as error:  # the date hierarchy, for the year 9999
            raise IncorrectLookupParameters(error) from error

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = list_title(self.model)


class StaffModelAdmin(admin.ModelAdmin):
    """The base of all admin pages. Admins may see, add and change; nobody deletes; roles decide,
    not single permissions. A list is titled with what it lists, ``list_title`` or the plural.

    A list answers to what its own filters ask and to its search, and both look only at columns that
    its pages show: any other lookup would answer questions about what nobody is shown."""

    list_title = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StaffChangeList

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Say what was done, in Django's words without its "successfully"."""
        kind = SafeString if isinstance(message, SafeString) else str
        plain = kind(str(message).replace(" successfully", ""))
        super().message_user(request, plain, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup in self._date_lookups() or lookup in self._filter_lookups(request)

    def _date_lookups(self) -> list[str]:
        if not self.date_hierarchy:
            return []
        return [f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")]

    def _filter_lookups(self, request: HttpRequest) -> Iterator[str | None]:
        """Yield the parameters that each filter of the list understands."""
        filters: Any = self.get_list_filter(request)
        for one in filters:
            if callable(one):
                spec = one(request, {}, self.model, self)
            else:
                path, make = one if isinstance(one, tuple) else (one, admin.FieldListFilter.create)
                field = get_fields_from_path(self.model, path)[-1]
                spec = make(field, request, {}, self.model, self, field_path=path)
            yield from spec.expected_parameters()

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return super().get_search_results(request, queryset, search_term.replace("\x00", ""))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(StaffModelAdmin):
    """The base of admin pages for rows that only the product itself writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SuperuserOnly(ReadOnlyAdmin):
    """The base of admin pages for superusers only: people and their activity."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)
