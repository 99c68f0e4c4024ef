"""The settings of a production site, by Django's own checks, and the headers of its responses."""

import os
import subprocess
import sys

import pytest
from django.test import Client

from tests.test_settings import REPOSITORY, REQUIRED


def test_django_finds_nothing_to_warn_of_in_production() -> None:
    environment = {"PATH": os.environ["PATH"], "STACK_DIR": "/nonexistent", "PRODUCTION": "true"}
    check = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=REPOSITORY,
        env=REQUIRED | environment | {"SECRET_KEY": "".join(map(chr, range(48, 110)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stderr) == (0, ""), check.stderr
    assert "no issues" in check.stdout


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/nowhere/"])
def test_every_answer_forbids_what_the_pages_do_not_need(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_post_without_the_forms_token_changes_nothing(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    data = {"email": "eve@example.com", "password1": "a sentence to sign in with"}
    assert client.post("/accounts/signup/", data).status_code == 403
