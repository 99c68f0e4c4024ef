"""The bodies of programs on a real server: who may send a model file, and where."""

import os
from hashlib import sha256

import httpx
import pytest
from django.urls import reverse

from accounts.models import User
from accounts.services import revoke_admin
from accounts.tokens.services import make_token
from models_registry.models import ModelVersion
from tests.config.web.running import Site, answer_of, cookie_of, head
from tests.factories import make_model

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = "Content-Type: multipart/form-data; boundary=XbX"
MB = 1024**2


def token_of(user: User, *scopes: str) -> str:
    """Return the header of a token."""
    return f"Authorization: Bearer {make_token(user=user, name='CI', scopes=scopes, by=user)[1]}"


def test_a_token_that_publishes_may_send_a_file_to_the_versions_of_a_model_alone(
    site: Site, ada: User
) -> None:
    versions = reverse("api:versions", args=[make_model().slug])
    publishing, other = token_of(ada, "publish"), token_of(ada, "predict", "read")
    for path, token, announced, most in (
        (versions, publishing, 600 * MB, "larger than the 544 MB"),
        ("/api/v1/models", publishing, 10 * MB, "larger than the 4 MB"),
        (f"{versions}/1/tests", publishing, 10 * MB, "larger than the 4 MB"),
        (versions, other, 10 * MB, "larger than the 4 MB"),
    ):
        with site.connect(head(path, PARTS, token, f"Content-Length: {announced}")) as client:
            problem = answer_of(client)
        assert problem.status_code == 413
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert most in problem.text


def test_the_token_of_who_is_no_admin_any_more_sends_no_file(
    site: Site, ada: User, root: User
) -> None:
    token = token_of(ada, "publish")
    revoke_admin(user=ada, by=root)
    path = reverse("api:versions", args=[make_model().slug])
    with site.connect(head(path, PARTS, token, f"Content-Length: {10 * MB}")) as client:
        assert answer_of(client).status_code == 413


def test_a_file_without_a_token_is_refused_before_any_of_it_came(site: Site, ada: User) -> None:
    path = reverse("api:versions", args=[make_model().slug])
    for wrong in ("Authorization: Bearer plb_wrong", f"Cookie: {cookie_of(ada)}"):
        with site.connect(head(path, PARTS, wrong, f"Content-Length: {10 * MB}")) as client:
            problem = answer_of(client)
        assert problem.status_code == 401
        assert problem.headers["Content-Type"] == "application/problem+json"


def test_a_large_file_of_a_program_arrives_whole(site: Site, ada: User) -> None:
    path, content = reverse("api:versions", args=[make_model().slug]), os.urandom(MB) * 24
    name, _, value = token_of(ada, "publish").partition(": ")
    answer = httpx.post(
        site.url + path, files={"file": ("m", content)}, headers={name: value}, timeout=60
    )
    assert answer.status_code == 202
    assert answer.json()["sha256"] == sha256(content).hexdigest()
    assert ModelVersion.objects.get().size == len(content)
