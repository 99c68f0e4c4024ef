"""Registered models: a name, a slug and a description for a series of versions."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from config.text.plain_text import isolated


class RegisteredModelQuerySet(models.QuerySet["RegisteredModel"]):
    def live(self) -> "RegisteredModelQuerySet":
        """Return the models that have an active version."""
        return self.filter(versions__status="active").distinct()


class RegisteredModel(models.Model):
    """A model that people use by name, whichever of its versions is live."""

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
