"""Accounts in Django admin, and the base classes of every other admin page; one module per page or
table."""

from accounts.admin import site as _site  # noqa: F401 - it sets the site up
from accounts.admin.activity_event import ActivityEventAdmin
from accounts.admin.pages import (
    ReadOnlyAdmin,
    StaffModelAdmin,
    SuperuserOnly,
    admin_page,
    as_shown,
    list_title,
)
from accounts.admin.user import UserAdmin
from accounts.invitations import admin as _invitations  # noqa: F401 - it registers itself

__all__ = [
    "ActivityEventAdmin",
    "ReadOnlyAdmin",
    "StaffModelAdmin",
    "SuperuserOnly",
    "UserAdmin",
    "admin_page",
    "as_shown",
    "list_title",
]
