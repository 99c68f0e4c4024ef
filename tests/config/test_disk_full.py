"""A full disk: reported as the site's fault, and recovered from."""

import errno
from typing import NoReturn

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from django.urls import reverse

from accounts.models import User
from models_registry.models import ModelVersion
from tests.factories import make_model

pytestmark = pytest.mark.django_db


def test_an_upload_that_finds_no_room_is_answered_with_503_and_leaves_nothing(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*args: object, **kwargs: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", no_room)
    client = Client(raise_request_exception=False)
    client.force_login(ada)
    page = reverse("admin:models_registry_registeredmodel_upload", args=[make_model().pk])

    answer = client.post(page, {"file": SimpleUploadedFile("large.joblib", bytes(3_000_000))})

    assert answer.status_code == 503
    assert answer["Retry-After"] == "10"
    assert not ModelVersion.objects.exists()
