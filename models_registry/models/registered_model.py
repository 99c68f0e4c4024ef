"""Registered models: a name, a slug and a description for a series of versions."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import User
from config.text.plain_text import isolated


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def visible_to(self, person: User) -> "RegisteredModelQuerySet":
        """Return the models that exist for the person: those for everybody, and those of a group of
        theirs. Admins see all."""
        return self if person.is_staff else self.filter(_seen_by(person))

    def hidden_from(self, person: User) -> "RegisteredModelQuerySet":
        """Return all other models, which do not exist for the person."""
        return self.none() if person.is_staff else self.exclude(_seen_by(person))

    def live(self) -> "RegisteredModelQuerySet":
        """Return the models that have an active version."""
        return self.filter(versions__status="active").distinct()


def _seen_by(person: User) -> Q:
    of_groups = RegisteredModel.groups.through.objects.filter(registeredmodel=OuterRef("pk"))
    return Q(is_for_everybody=True) | Q(Exists(of_groups.filter(group__user=person)))


class RegisteredModel(models.Model):
    """A model that people use by name, whichever of its versions is live.

    It is for everybody or for the people of its groups; if it is for neither, admins alone see it.
    """

    name = models.CharField(max_length=200, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.TextField(
        blank=True, help_text="What the model answers, for the people who use it."
    )
    load_seconds = models.FloatField(
        default=settings.LOAD_SECONDS,
        validators=[MinValueValidator(1), MaxValueValidator(300)],
        help_text="A load that takes longer is stopped.",
    )
    predict_seconds = models.FloatField(
        default=settings.PREDICT_SECONDS,
        validators=[MinValueValidator(0.5), MaxValueValidator(300)],
        help_text="A prediction that takes longer is stopped.",
    )
    slow_seconds = models.FloatField(
        default=settings.SLOW_SECONDS,
        validators=[MinValueValidator(0.05)],
        help_text="A prediction that takes longer counts as slow.",
    )
    is_for_everybody = models.BooleanField(default=True, db_default=True)
    groups = models.ManyToManyField(Group, blank=True, related_name="models")
    prefect_deployment_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = RegisteredModelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "model"

    def __str__(self) -> str:
        """The name, for the middle of a sentence."""
        return isolated(self.name)
