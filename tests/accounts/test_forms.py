import pytest
from django.test import Client

from accounts.models import User
from models_registry.inputs.number_text import parse_number, typed


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Europe/Zagreb", "Europe/Zagreb"), ("Mars/Olympus", ""), ("../../etc/passwd", ""), ("", "")],
)
def test_sign_up_keeps_a_timezone_only_if_there_is_one(given: str, kept: str, db: None) -> None:
    fields = {"email": "mira@example.com", "password1": "a long sentence", "timezone": given}
    Client().post("/accounts/signup/", fields)
    assert User.objects.get(email="mira@example.com").timezone == kept


def test_a_profile_refuses_a_timezone_that_does_not_exist(as_alice: Client, alice: User) -> None:
    answer = as_alice.post(
        "/accounts/profile/", {"name": "A", "timezone": "Mars/Olympus", "number_format": ""}
    )
    assert answer.status_code == 422
    alice.refresh_from_db()
    assert alice.name == "Alice Aoki"


@pytest.mark.parametrize("mark", ["", ".", ","])
@pytest.mark.parametrize("text", ["1.234", "-1.234", "1.5", "0.125", "1234", "1.234e-05", "1e+20"])
def test_a_number_that_the_form_fills_in_reads_back_as_the_same(text: str, mark: str) -> None:
    assert parse_number(typed(text, mark), decimal_mark=mark) == float(text)


@pytest.mark.parametrize("password", ["short", "1234567890123", "password123", "mira@example.com"])
def test_a_weak_password_is_refused_and_makes_no_account(password: str, db: None) -> None:
    fields = {"email": "mira@example.com", "password1": password}
    page = Client().post("/accounts/signup/", fields)
    assert page.context["form"].errors["password1"]
    assert not User.objects.exists()
