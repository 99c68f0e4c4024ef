"""Approvals: the types that a superuser trusts in one file."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class TypeApprovalQuerySet(models.QuerySet["TypeApproval"]):
    def of(self, sha256: str) -> frozenset[tuple[str, str]]:
        """Return the (module, name) pairs that superusers approved for the file with this
        digest."""
        return frozenset(self.filter(sha256=sha256).values_list("module", "name"))


class TypeApproval(models.Model):
    """A superuser's approval of one type in one file, which is not on the list of known types.

    It belongs to the file's digest: wherever that file is uploaded it holds, and for no other file.
    Append-only.
    """

    sha256 = models.CharField(max_length=64)
    module = models.CharField(max_length=300)
    name = models.CharField(max_length=300)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(db_default=Now())

    objects = TypeApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["sha256", "module", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "module", "name"],
                name="models_registry_type_is_approved_once_per_file",
            )
        ]

    def __str__(self) -> str:
        return f"{self.module}.{self.name} in {self.sha256[:12]}"
