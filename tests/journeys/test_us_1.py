"""US-1.1 and US-1.2: accounts, roles, and the activity history, through the pages alone."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ActivityEvent, User
from accounts.privacy import retention
from presets.models import Preset
from tests.clocks import NOW, stand_still
from tests.factories import LOAN_OUTPUTS, PASSWORD, make_execution, make_model
from tests.post_office import PostOffice, body, link_in

NEW = "a sentence to sign in with"


@pytest.fixture(autouse=True)
def _confirmation_is_needed(settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def sign_up(client: Client, email: str, **fields: str) -> Any:
    return client.post(
        "/accounts/signup/",
        {"email": email, "password1": PASSWORD, **fields},
        follow=True,
    )


def sign_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password})


def change_email(client: Client, email: str) -> Any:
    """Ask for another address; the password is asked for first, then the form goes on."""
    asked = client.post("/accounts/email/", {"email": email, "action_add": ""})
    return client.post(asked["Location"], {"password": PASSWORD}, follow=True)


def actions(user: User) -> list[str]:
    return list(user.activity.order_by("id").values_list("action", flat=True))


def test_us_1_1_a_person_registers_confirms_and_signs_in(post_office: PostOffice, db: None) -> None:
    client = Client()
    page = sign_up(client, "Mira@Example.com", name="Mira", timezone="Europe/Zagreb")
    assert "Check your inbox" in page.content.decode()
    letter = post_office.one()
    assert (letter["To"], letter["Subject"]) == ("mira@example.com", "Confirm your e-mail address")
    assert "Hello Mira" in body(letter, "plain")
    assert sign_in(client, "mira@example.com")["Location"] == "/accounts/confirm-email/"
    link = link_in(letter)
    assert "Confirm this address" in client.get(link).content.decode()
    assert client.post(link).status_code == 302
    assert "no longer works" in client.get(link).content.decode()
    assert sign_in(client, "MIRA@example.com")["Location"] == "/"
    mira = User.objects.get(email="mira@example.com")
    assert (mira.name, mira.timezone) == ("Mira", "Europe/Zagreb")
    assert actions(mira) == ["signed up", "e-mail confirmed", "signed in"]


def test_us_1_1_an_account_that_opens_at_once_is_told_of_the_mail(settings: Any, db: None) -> None:
    settings.REQUIRE_EMAIL_CONFIRMATION = False
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    page = sign_up(Client(), "mira@example.com").content.decode()
    assert "Check your inbox. The mail to mira@example.com has a link" in page


def test_us_1_1_a_known_address_gets_the_same_answer_and_another_mail(
    post_office: PostOffice, alice: User
) -> None:
    unknown = sign_up(Client(), "mira@example.com").content.decode()
    known = sign_up(Client(), "ALICE@example.com").content.decode()
    token = 'name="csrfmiddlewaretoken" value="'
    pages = [
        page.replace(email, "")
        for page, email in ((unknown, "mira@example.com"), (known, "alice@example.com"))
    ]
    parts = [page.split(token) for page in pages]
    assert parts[0][0] == parts[1][0]
    first, second = post_office.collect()
    assert first["Subject"] == "Confirm your e-mail address"
    assert second["Subject"] == "You already have an account"
    assert "/accounts/password/reset/" in body(second, "plain")
    assert User.objects.count() == 2


def test_us_1_1_the_confirmation_is_sent_again_once_a_minute(
    post_office: PostOffice, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    client = Client()
    clock = stand_still(monkeypatch, "allauth.core.internal.ratelimit")
    sign_up(client, "mira@example.com")
    client.post("/accounts/resend/")
    assert len(post_office.collect()) == 1
    clock.now = NOW + 61
    page = client.post("/accounts/resend/", follow=True)
    assert "Check your inbox" in page.content.decode()
    assert client.post(link_in(post_office.one())).status_code == 302


def test_us_1_1_a_forgotten_password_is_reset_once_and_ends_every_session(
    post_office: PostOffice, alice: User
) -> None:
    elsewhere = Client()
    assert sign_in(elsewhere, alice.email).status_code == 302
    client = Client()
    page = client.post("/accounts/password/reset/", {"email": alice.email}, follow=True)
    assert "Check your inbox" in page.content.decode()
    letter = post_office.one()
    assert letter["Subject"] == "Reset your password"
    assert "127.0.0.1" in body(letter, "plain")
    form = client.get(link_in(letter), follow=True)
    assert "signs you out everywhere" in form.content.decode()
    done = client.post(
        form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW}, follow=True
    )
    assert "Password changed" in done.content.decode()
    assert "signed out everywhere" in done.content.decode()
    assert elsewhere.get("/accounts/profile/").status_code == 302
    assert "no longer works" in Client().get(link_in(letter)).content.decode()
    assert sign_in(Client(), alice.email).status_code == 200
    assert sign_in(Client(), alice.email, NEW)["Location"] == "/"
    assert post_office.one()["Subject"] == "Your password was reset"
    assert actions(alice).count("password reset") == 1


def test_us_1_1_an_unknown_address_gets_the_same_answer_to_a_reset(
    post_office: PostOffice, alice: User
) -> None:
    pages = {
        Client().post("/accounts/password/reset/", {"email": email}, follow=True).content
        for email in (alice.email, "nobody@example.com")
    }
    assert len(pages) == 1


def test_us_1_1_a_changed_password_keeps_this_session_and_ends_the_others(
    post_office: PostOffice, alice: User
) -> None:
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(client, alice.email)
    here.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW},
    )
    assert here.get("/accounts/profile/").status_code == 200
    assert elsewhere.get("/accounts/profile/").status_code == 302
    assert post_office.one()["Subject"] == "Your password was changed"
    assert actions(alice)[-1] == "password changed"


def test_us_1_1_a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told(
    post_office: PostOffice, alice: User
) -> None:
    client = Client()
    sign_in(client, alice.email)
    change_email(client, "new@example.com")
    letters = {letter["To"]: letter for letter in post_office.collect()}
    assert letters["alice@example.com"]["Subject"] == "A new e-mail address for your account"
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    client.post(link_in(letters["new@example.com"]))
    alice.refresh_from_db()
    assert alice.email == "new@example.com"
    told = post_office.one()
    assert (told["To"], told["Subject"]) == ("alice@example.com", "Your e-mail address was changed")
    event = alice.activity.get(action="e-mail changed")
    assert event.before == {"email": "alice@example.com"}
    assert event.after == {"email": "new@example.com"}


def test_us_1_1_an_address_of_somebody_else_is_neither_taken_nor_revealed(
    post_office: PostOffice, alice: User, bob: User
) -> None:
    client = Client()
    sign_in(client, alice.email)
    page = change_email(client, bob.email)
    assert "not confirmed yet" in page.content.decode()
    letters = {letter["To"]: letter for letter in post_office.collect()}
    assert letters[bob.email]["Subject"] == "You already have an account"
    assert sign_in(Client(), bob.email)["Location"] == "/"


def test_us_1_1_a_person_edits_their_profile_and_numbers_are_read_their_way(
    as_alice: Client, alice: User, active_version: Any
) -> None:
    as_alice.post(
        "/accounts/profile/",
        {"name": "Alice A", "timezone": "Europe/Berlin", "number_format": ","},
    )
    alice.refresh_from_db()
    assert (alice.name, alice.timezone, alice.decimal_mark) == ("Alice A", "Europe/Berlin", ",")
    event = alice.activity.get(action="preferences changed")
    assert event.before == {"name": "Alice Aoki", "timezone": "", "number_format": ""}
    address = f"/models/{active_version.model.slug}/"
    token = as_alice.get(address).context["form"].initial
    as_alice.post(
        address,
        {
            "form_token": token["form_token"], "schema": token["schema"],
            "f0": "34", "f1": "41.500", "f2": "true", "f3": "emp",
        },
    )  # fmt: skip
    execution = alice.executions.get()
    assert (execution.inputs or {})["income"] == 41500
    form = as_alice.get(f"{address}?from={execution.pk}").context["form"]
    assert form["f1"].value() == "41500"


def test_us_1_1_other_sessions_are_listed_and_signed_out(alice: User) -> None:
    firefox = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    here, elsewhere = Client(), Client(headers={"user-agent": firefox})
    for client in (here, elsewhere):
        sign_in(client, alice.email)
    assert "Firefox on Windows" in here.get("/accounts/sessions/").content.decode()
    here.post("/accounts/sessions/")
    assert here.get("/accounts/profile/").status_code == 200
    assert elsewhere.get("/accounts/profile/").status_code == 302
    assert actions(alice)[-1] == "other sessions ended"


def test_us_1_1_a_person_downloads_all_that_is_stored_about_them(
    as_alice: Client, alice: User, bob: User
) -> None:
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    make_execution(user=bob)
    Preset.objects.create(user=alice, model=make_model(), name="=HYPERLINK()", inputs={"age": 4})
    content = as_alice.post("/accounts/data/json/").getvalue()
    everything = json.loads(content)
    assert [row["id"] for row in everything["predictions"]] == [execution.public_id]
    assert everything["predictions"][0]["inputs"] == execution.inputs
    assert everything["profile"][0]["email"] == alice.email
    archive = zipfile.ZipFile(io.BytesIO(as_alice.post("/accounts/data/csv/").getvalue()))
    assert {f"{name}.csv" for name in everything} == set(archive.namelist())
    assert "'=HYPERLINK()" in archive.read("presets.csv").decode()
    assert bob.email not in content.decode()
    assert actions(alice) == ["own data downloaded"] * 2


def test_us_1_1_a_deleted_account_comes_back_within_30_days(
    post_office: PostOffice, alice: User
) -> None:
    client = Client()
    sign_in(client, alice.email)
    assert client.post("/accounts/close/", {"password": "wrong"}).status_code == 422
    page = client.post("/accounts/close/", {"password": PASSWORD})
    assert "Your account is closed" in page.content.decode()
    assert post_office.one()["Subject"] == "Your account will be deleted"
    assert client.get("/accounts/profile/").status_code == 302
    User.objects.update(deletion_requested_at=timezone.now() - timedelta(days=29))
    retention.forget()
    assert sign_in(client, alice.email)["Location"] == "/"
    alice.refresh_from_db()
    assert alice.status == "active"
    assert actions(alice)[-2:] == ["account deletion withdrawn", "signed in"]


def test_us_1_1_after_30_days_nothing_tells_who_it_was(alice: User, bob: User) -> None:
    client = Client()
    sign_in(client, alice.email)
    execution = make_execution(user=alice, outputs=LOAN_OUTPUTS)
    Preset.objects.create(user=alice, model=make_model(), name="Mine")
    client.post("/accounts/close/", {"password": PASSWORD})
    User.objects.filter(pk=alice.pk).update(
        deletion_requested_at=timezone.now() - timedelta(days=31)
    )
    retention.forget()
    retention.forget()
    alice.refresh_from_db()
    execution.refresh_from_db()
    assert alice.status == "deleted"
    assert (execution.user, execution.inputs, execution.outputs) == (None, None, None)
    assert execution.status == "succeeded"
    assert not Preset.objects.exists()
    assert not ActivityEvent.objects.filter(actor_email="alice@example.com").exists()
    assert not ActivityEvent.objects.filter(target="alice@example.com").exists()
    assert ActivityEvent.objects.filter(action="account anonymised").count() == 1
    assert sign_in(Client(), "alice@example.com").status_code == 200
    assert sign_up(Client(), "alice@example.com").status_code == 200
    assert User.objects.filter(email="alice@example.com").exists()


# --- US-1.2 --------------------------------------------------------------------------------------


@pytest.fixture
def as_root(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def act(client: Client, user: User, name: str, **fields: str) -> Any:
    address = f"/admin/accounts/user/{user.pk}/act/{name}/"
    assert "What happens" in client.get(address).content.decode()
    return client.post(address, fields, follow=True)


def test_us_1_2_a_superuser_sees_everybody_with_role_and_status(
    as_root: Client, alice: User, ada: User
) -> None:
    page = as_root.get("/admin/accounts/user/").content.decode()
    for text in (alice.email, ada.email, "superuser", "active", "Last seen"):
        assert text in page


@pytest.mark.parametrize("status", ["active", "disabled", "closing", "deleted"])
def test_us_1_2_people_are_filtered_by_status(as_root: Client, bob: User, status: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "active": {},
        "disabled": {"is_active": False},
        "closing": {"deletion_requested_at": timezone.now()},
        "deleted": {"is_active": False, "anonymised_at": timezone.now()},
    }
    User.objects.filter(pk=bob.pk).update(**fields[status])
    page = as_root.get("/admin/accounts/user/", {"status": status}).content.decode()
    assert bob.email in page
    others = {"active", "disabled", "closing", "deleted"} - {status}
    for other in others:
        page = as_root.get("/admin/accounts/user/", {"status": other}).content.decode()
        assert bob.email not in page


def test_us_1_2_a_superuser_promotes_and_demotes(as_root: Client, bob: User) -> None:
    for name, role in (
        ("make-admin", "admin"),
        ("make-superuser", "superuser"),
        ("end-superuser", "admin"),
        ("make-user", "user"),
    ):
        act(as_root, bob, name)
        bob.refresh_from_db()
        assert bob.role == role
    assert ActivityEvent.objects.filter(action="role changed", target=bob.email).count() == 4


def test_us_1_2_a_superuser_disables_and_the_person_is_told_only_with_the_right_password(
    as_root: Client, bob: User
) -> None:
    act(as_root, bob, "disable", reason="On leave")
    assert sign_in(Client(), bob.email)["Location"] == "/accounts/inactive/"
    assert sign_in(Client(), bob.email, "wrong").status_code == 200
    act(as_root, bob, "enable")
    assert sign_in(Client(), bob.email)["Location"] == "/"


def test_us_1_2_a_superuser_hands_over_a_reset_link_where_mail_is_off(
    as_root: Client, bob: User, settings: Any
) -> None:
    settings.MAIL_IS_DELIVERED = False
    page = act(as_root, bob, "reset-password")
    link = page.context["link"]
    assert link in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    visitor = Client()
    form = visitor.get(link.removeprefix(settings.SITE_URL), follow=True)
    visitor.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert sign_in(Client(), bob.email, NEW)["Location"] == "/"


def test_us_1_2_the_page_of_oneself_offers_nothing_and_the_act_is_refused(
    as_root: Client, root: User
) -> None:
    page = as_root.get(f"/admin/accounts/user/{root.pk}/change/").content.decode()
    assert "You cannot change your own role" in page
    for name in ("end-superuser", "disable"):
        as_root.post(f"/admin/accounts/user/{root.pk}/act/{name}/")
    root.refresh_from_db()
    assert (root.role, root.status) == ("superuser", "active")


def test_us_1_2_activity_is_filtered_by_person_action_and_date_and_exported(
    as_root: Client, alice: User, bob: User
) -> None:
    for person in (alice, bob):
        sign_in(Client(), person.email)
    sign_in(Client(), alice.email, "wrong")
    today = timezone.localdate()
    address = "/admin/accounts/activityevent/"
    wanted: dict[str, str | int] = {
        "actor__id__exact": alice.pk,
        "action": "signed in",
        "at__year": today.year,
    }
    page = as_root.get(address, wanted).content.decode()
    assert page.count('class="field-sentence"') == 1
    asked = "&".join(f"{key}={value}" for key, value in wanted.items())
    export = as_root.post(f"{address}export/?{asked}")
    lines = b"".join(export.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert alice.email in lines[1]
    assert "127.0.0.1" in lines[1]
    assert ActivityEvent.objects.filter(action="activity exported").count() == 1
    assert as_root.get(address, {"q": bob.email}).content.decode().count("field-sentence") == 1


@pytest.mark.parametrize("role", ["user", "admin", "superuser"])
def test_us_1_2_people_are_filtered_by_role(
    as_root: Client, alice: User, ada: User, root: User, role: str
) -> None:
    page = as_root.get("/admin/accounts/user/", {"role": role}).context["cl"].queryset
    assert [person.role for person in page] == [role]
