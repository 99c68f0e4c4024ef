"""The access matrix: every address × {anonymous, alice, bob, ada, root}, and what each may see. An
address without an entry fails, so nobody adds one without deciding who may use it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.activity import record
from accounts.invitations.services import Link, invite
from accounts.models import ApiToken, Scope, User
from accounts.tokens.services import make_service_account, make_token
from executions.models import Execution, RowsFile
from executions.services.rows_files import check_file, keep_file, run_file
from models_registry import services
from models_registry.models import Deployment, ModelVersion, TestCase
from monitoring.failures.collecting import collect
from monitoring.models import FailureGroup, SupportRequest
from monitoring.support.services import ask
from notifications.models import Kind, Mail, Notification
from notifications.preferences import switch_off_path
from presets.models import Preset
from tests.conftest import MakeOnce, make_person
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version
from tests.open_id_provider import switched_on

ROWS = b"age,income,home,work\n44,1,yes,emp\n230,1,yes,emp\n"
CAST = ("anonymous", "alice", "bob", "ada", "root")


@dataclass(frozen=True)
class Scene:
    """The rows that the addresses name: alice's execution with a live version, and a draft."""

    execution: Execution
    version: ModelVersion
    draft: ModelVersion
    test: Execution
    case: TestCase
    deployment: Deployment
    notification: Notification
    mail: Mail
    root: User
    preset: Preset
    failure: Execution
    replay: Execution
    group: FailureGroup
    support: SupportRequest
    rows: RowsFile
    batch: Execution
    token: ApiToken
    service: User
    invitation: Link
    team: Group

    def values(self) -> dict[str, Any]:
        return {
            "pk": self.execution.pk,
            "slug": self.version.model.slug,
            "model": self.version.model_id,
            "version": self.draft.pk,
            "test": self.test.pk,
            "case": self.case.pk,
            "deployment": self.deployment.pk,
            "user": self.root.pk,
            "alice": self.execution.user_id,
            "preset": self.preset.pk,
            "failure": self.failure.pk,
            "replay": self.replay.pk,
            "group": self.group.pk,
            "support": self.support.pk,
            "rows": self.rows.pk,
            "batch": self.batch.pk,
            "csv": "csv",
            "token": self.token.pk,
            "service": self.service.pk,
            "invitation": self.invitation.invitation.pk,
            "secret": self.invitation.url.split("/")[-2],
            "team": self.team.pk,
            "notification": self.notification.pk,
            "mail": self.mail.pk,
            "off": switch_off_path(self.notification.user, "message").split("/")[-2],
            "activity": self.root.activity.first().pk,  # type: ignore[union-attr]
        }


@dataclass(frozen=True)
class Entry:
    """The answers for anonymous, alice (the owner), bob, ada and root. ``values`` names what of the
    scene stands for which part of the address; ``is_post``: asked for with POST. ``by_token`` are
    the answers to tokens of alice, bob, ada and root, of an address that takes them; everywhere
    else a token is nobody's sign-in."""

    answers: tuple[int, int, int, int, int]
    values: tuple[tuple[str, str], ...] = ()
    is_post: bool = False
    by_token: tuple[int, ...] = ()


def entry(*answers: int, **values: str) -> Entry:
    return Entry(answers, tuple(values.items()))  # type: ignore[arg-type]


def post(*answers: int, **values: str) -> Entry:
    return Entry(answers, tuple(values.items()), is_post=True)  # type: ignore[arg-type]


def everybody(status: int = 200, **values: str) -> Entry:
    return entry(*[status] * 5, **values)


def signed_in(**values: str) -> Entry:
    return entry(302, 200, 200, 200, 200, **values)


def owner(**values: str) -> Entry:
    return entry(302, 200, 404, 404, 404, **values)


def visitors() -> Entry:
    """Return pages for people who are not signed in; the others are sent home."""
    return entry(200, 302, 302, 302, 302)


def admins(**values: str) -> Entry:
    return entry(302, 302, 302, 200, 200, **values)


def admins_post(**values: str) -> Entry:
    return post(302, 302, 302, 302, 302, **values)


def staff(**values: str) -> Entry:
    """Return the app's own pages for admins, of which nobody else learns."""
    return entry(302, 404, 404, 200, 200, **values)


def staff_post(status: int = 302, **values: str) -> Entry:
    return post(302, 404, 404, status, status, **values)


def superusers(**values: str) -> Entry:
    return entry(302, 302, 302, 403, 200, **values)


def nobody(**values: str) -> Entry:
    return entry(302, 302, 302, 403, 403, **values)


def plain_admin(
    name: str,
    row: str,
    *,
    page: Callable[..., Entry] = admins,
    add: Callable[..., Entry] = nobody,
) -> dict[str, Entry]:
    """Return the pages that Django's admin makes for every model."""
    return {
        f"admin:{name}_changelist": page(),
        f"admin:{name}_add": add(),
        f"admin:{name}_change": page(object_id=row),
        f"admin:{name}_history": page(object_id=row),
        f"admin:{name}_delete": nobody(object_id=row),
    }


def of_tokens(*answers: int, is_post: bool = False, **values: str) -> Entry:
    """Return the addresses for programs: a session counts for nothing, and a token of alice, bob,
    ada or root for its own account alone."""
    no_token = (401,) * 5
    return Entry(no_token, tuple(values.items()), is_post, by_token=answers)


MATRIX: dict[str, Entry] = {
    "executions:home": entry(302, 302, 302, 302, 302),  # one live model: on to its form
    "executions:create": signed_in(slug="slug"),
    "executions:check": post(302, 204, 204, 204, 204, slug="slug"),  # of a form with nothing in it
    "models_registry:about": signed_in(slug="slug"),
    "executions:rows": signed_in(slug="slug"),
    "executions:rows_template": signed_in(slug="slug", kind="csv"),
    "executions:rows_file": owner(slug="slug", pk="rows"),
    "executions:rows_check": owner(slug="slug", pk="rows"),
    "executions:rows_problems": owner(slug="slug", pk="rows", kind="csv"),
    "executions:rows_run": post(302, 302, 404, 404, 404, slug="slug", pk="rows"),
    "executions:batch": owner(pk="batch"),
    "executions:batch_status": owner(pk="batch"),
    "executions:batch_cancel": post(302, 302, 404, 404, 404, pk="batch"),
    "executions:batch_download": post(302, 302, 404, 404, 404, pk="batch", kind="csv"),
    "executions:batch_delete": owner(pk="batch"),
    "executions:list": signed_in(),
    "executions:detail": owner(pk="pk"),
    "executions:status": owner(pk="pk"),
    "executions:cancel": post(302, 302, 404, 404, 404, pk="pk"),
    "executions:explanation": entry(302, 404, 404, 404, 404, pk="pk"),  # none while it is queued
    "executions:curve": entry(302, 404, 404, 404, 404, pk="pk"),
    "executions:row": owner(pk="pk"),
    "executions:retry": post(302, 302, 404, 404, 404, pk="pk"),
    "executions:note": post(302, 302, 404, 404, 404, pk="pk"),
    "executions:export": post(302, 200, 200, 200, 200),
    "executions:selection": post(302, 302, 302, 302, 302),
    "executions:delete": entry(302, 404, 404, 404, 404),  # of nothing
    "executions:deleted": signed_in(),
    "executions:restore": post(302, 302, 302, 302, 302),
    "executions:compare": entry(302, 422, 422, 422, 422),  # nothing is chosen
    "executions:compare_csv": post(302, 422, 422, 422, 422),
    "executions:compare_pdf": post(302, 422, 422, 422, 422),
    "executions:pdf": post(302, 200, 404, 404, 404, pk="pk"),
    "api:document": everybody(),
    "api:models": of_tokens(200, 200, 200, 200),
    "api:model": of_tokens(200, 200, 200, 200, slug="slug"),
    "api:model_document": of_tokens(200, 200, 200, 200, slug="slug"),
    "api:predict": of_tokens(415, 415, 415, 415, slug="slug", is_post=True),  # no JSON
    "api:predictions": of_tokens(200, 200, 200, 200),
    "api:prediction": of_tokens(200, 404, 404, 404, pk="pk"),
    "api:batch": of_tokens(200, 404, 404, 404, pk="batch"),
    "api:batch_rows": of_tokens(200, 404, 404, 404, pk="batch"),
    "api:batch_cancel": of_tokens(200, 404, 404, 404, pk="batch", is_post=True),
    "api:versions": of_tokens(403, 403, 200, 200, slug="slug"),
    "api:version_upload": of_tokens(403, 403, 422, 422, slug="slug", is_post=True),  # no file
    "api:version": of_tokens(403, 403, 200, 200, slug="slug", number="=1"),
    "api:version_tests": of_tokens(403, 403, 415, 415, slug="slug", number="=1", is_post=True),
    "api:version_test": of_tokens(403, 403, 200, 200, slug="slug", number="=1", pk="test"),
    "api:version_promotion": of_tokens(403, 403, 415, 415, slug="slug", number="=1", is_post=True),
    "dialects:live": everybody(),
    "dialects:ready": everybody(),
    "dialects:server": of_tokens(200, 200, 200, 200),
    "dialects:model": of_tokens(200, 200, 200, 200, slug="slug"),
    "dialects:version": of_tokens(200, 200, 200, 200, slug="slug", number="=1"),
    "dialects:model_ready": of_tokens(200, 200, 200, 200, slug="slug"),
    "dialects:version_ready": of_tokens(200, 200, 200, 200, slug="slug", number="=1"),
    "dialects:infer": of_tokens(415, 415, 415, 415, slug="slug", is_post=True),  # a form
    "dialects:version_infer": of_tokens(415, 415, 415, 415, slug="slug", number="=1", is_post=True),
    "dialects:ping": of_tokens(200, 200, 200, 200, slug="slug"),
    "dialects:health": of_tokens(200, 200, 200, 200, slug="slug"),
    "dialects:mlflow_version": of_tokens(200, 200, 200, 200, slug="slug"),
    "dialects:invocations": of_tokens(415, 415, 415, 415, slug="slug", is_post=True),
    "presets:list": signed_in(),
    "presets:edit": owner(pk="preset"),
    "presets:load": owner(pk="preset"),
    "presets:delete": post(302, 302, 404, 404, 404, pk="preset"),
    "presets:restore": post(302, 404, 404, 404, 404, pk="preset"),  # it is not deleted
    "presets:save": post(302, 200, 200, 200, 200, slug="slug"),
    "presets:save_from": owner(pk="pk"),
    "presets:save_suggestion": entry(302, 404, 404, 404, 404, slug="slug", digest="=none"),
    "presets:load_suggestion": post(302, 404, 404, 404, 404, slug="slug", digest="=none"),
    "presets:dismiss": post(302, 404, 404, 404, 404, slug="slug", digest="=none"),
    "monitoring:healthz": everybody(),
    "monitoring:readyz": everybody(),
    "monitoring:metrics": everybody(404),  # no token is set
    "monitoring:health": entry(302, 404, 404, 200, 200),
    "monitoring:dashboard": staff(),
    "monitoring:failures": staff(),
    "monitoring:failure": staff(pk="group"),
    "monitoring:review_groups": staff_post(),
    "monitoring:review": staff_post(422, pk="group"),  # nothing is filled in
    "monitoring:resolve": staff_post(422, pk="group"),
    "monitoring:reopen": staff_post(pk="group"),
    "monitoring:note": staff_post(422, pk="group"),
    "monitoring:review_failures": staff_post(pk="group"),
    "monitoring:failure_of": entry(302, 404, 404, 302, 302, pk="failure"),
    "monitoring:replay_start": staff_post(pk="failure"),
    "monitoring:contact": staff(pk="failure"),
    "monitoring:set_bound": entry(302, 404, 404, 302, 302, pk="failure"),
    "monitoring:replay": staff(pk="replay"),
    "monitoring:replay_bundle": staff_post(200, pk="replay"),
    "monitoring:requests": staff(),
    "monitoring:request": staff(pk="support"),
    "monitoring:request_close": staff_post(pk="support"),
    "monitoring:support_create": owner(pk="failure"),
    "notifications:list": signed_in(),
    "notifications:news": signed_in(),
    "notifications:read_all": post(302, 302, 302, 302, 302),
    "notifications:read": post(302, 302, 404, 404, 404, pk="notification"),
    "notifications:dismiss": post(302, 302, 404, 404, 404, pk="notification"),
    "notifications:preferences": signed_in(),
    "notifications:switch_off": everybody(token="off"),
    "accounts:profile": signed_in(),
    "accounts:resend_confirmation": post(302, 302, 302, 302, 302),
    "accounts:data": signed_in(),
    "accounts:download_data": post(302, 200, 200, 200, 200, kind="=json"),
    "accounts:close": signed_in(),
    "accounts:invitation": everybody(secret="secret"),  # whoever is signed in is told to sign out
    "accounts:single_sign_on": everybody(404),  # no provider is set
    "accounts:single_sign_on_callback": everybody(404),
    "accounts:single_sign_on_link": everybody(404),
    "tokens:list": signed_in(),
    "tokens:revoke": post(302, 302, 404, 404, 404, pk="token"),
    "account_login": visitors(),
    "account_signup": visitors(),
    "account_logout": entry(302, 200, 200, 200, 200),
    "account_inactive": everybody(),
    "account_reauthenticate": signed_in(),
    "account_email": signed_in(),
    "account_email_verification_sent": everybody(),
    "account_change_password": signed_in(),
    "account_set_password": entry(302, 302, 302, 302, 302),  # everybody has one
    "account_reset_password": everybody(),
    "account_reset_password_done": everybody(),
    "account_reset_password_from_key": everybody(uidb36="=1", key="=bad-key"),
    "account_reset_password_from_key_done": everybody(),
    "account_confirm_email": everybody(key="=bad"),
    "account_confirm_login_code": everybody(302),  # no sign-in by code is under way
    "mfa_index": signed_in(),
    "mfa_authenticate": everybody(302),  # no second factor is asked for
    "mfa_reauthenticate": everybody(302),
    "mfa_activate_totp": everybody(302),  # asks for the password once more
    "mfa_deactivate_totp": entry(302, 404, 404, 404, 404),
    "mfa_view_recovery_codes": entry(302, 404, 404, 404, 404),
    "mfa_generate_recovery_codes": everybody(302),
    "mfa_download_recovery_codes": entry(302, 404, 404, 404, 404),
    "usersessions_list": signed_in(),
    "admin:index": admins(),
    "admin:login": entry(302, 403, 403, 302, 302),
    "admin:logout": post(302, 302, 302, 302, 302),
    "admin:password_change": admins(),
    "admin:password_change_done": admins(),
    "admin:autocomplete": nobody(),
    "admin:jsi18n": admins(),
    "admin:view_on_site": entry(302, 302, 302, 404, 404, content_type_id="=0", object_id="=0"),
    "admin:app_list": admins(app_label="=executions"),
    **plain_admin("accounts_user", "user", page=superusers),
    "admin:accounts_user_act": superusers(pk="alice", name="=make-admin"),
    **plain_admin("accounts_invitation", "invitation", page=superusers),
    "admin:accounts_invitation_person": superusers(),
    "admin:accounts_invitation_people": superusers(),
    "admin:accounts_invitation_renew": post(302, 302, 302, 403, 200, pk="invitation"),
    "admin:accounts_invitation_revoke": post(302, 302, 302, 403, 302, pk="invitation"),
    **plain_admin("auth_group", "team", page=superusers, add=superusers),
    "admin:auth_group_delete": superusers(object_id="team"),
    **plain_admin("accounts_activityevent", "activity", page=superusers),
    "admin:accounts_activityevent_export": post(302, 302, 302, 403, 200),
    **plain_admin("accounts_apitoken", "token", page=superusers),
    "admin:accounts_apitoken_service": superusers(),
    "admin:accounts_apitoken_make": superusers(pk="service"),
    "admin:accounts_apitoken_revoke": post(302, 302, 302, 403, 302, pk="token"),
    **plain_admin("models_registry_registeredmodel", "model", add=admins),
    **plain_admin("models_registry_modelversion", "version"),
    **plain_admin("models_registry_deployment", "deployment"),
    **plain_admin("executions_execution", "pk"),
    **plain_admin("monitoring_failuregroup", "group"),
    **plain_admin("monitoring_supportrequest", "support"),
    **plain_admin("notifications_notification", "notification"),
    **plain_admin("notifications_mail", "mail"),
    "admin:notifications_mail_again": admins_post(pk="mail"),
    "admin:models_registry_registeredmodel_upload": admins(pk="model"),
    "admin:models_registry_registeredmodel_periods": post(302, 302, 302, 200, 200, pk="model"),
    "admin:models_registry_registeredmodel_compare": admins(pk="model"),
    "admin:models_registry_modelversion_inspect": admins_post(pk="version"),
    "admin:models_registry_modelversion_replace": admins_post(pk="version"),
    "admin:models_registry_modelversion_discard": post(  # ada's works, then it is gone
        302, 302, 302, 302, 404, pk="version"
    ),
    "admin:models_registry_modelversion_inputs": admins(pk="version"),
    "admin:models_registry_modelversion_duplicate": admins(pk="version"),
    "admin:models_registry_modelversion_take_over": post(302, 302, 302, 404, 404, pk="version"),
    "admin:executions_execution_preview": admins(version_pk="version"),
    "admin:models_registry_modelversion_promote": admins(pk="version"),
    "admin:models_registry_modelversion_rollback": admins(pk="version"),
    "admin:models_registry_modelversion_verify": admins(pk="version"),
    "admin:models_registry_registeredmodel_retire": admins(pk="model"),
    "admin:executions_execution_impact": admins(version_pk="version"),
    "admin:executions_execution_runtime": admins(version_pk="version"),
    "admin:executions_execution_choose_runtime": admins_post(version_pk="version"),
    "admin:executions_execution_check": admins_post(version_pk="version"),
    "admin:models_registry_modelversion_card": admins(pk="version"),
    "admin:models_registry_modelversion_card_pdf": admins(pk="version"),
    "admin:models_registry_modelversion_download": admins_post(pk="version"),  # no file: back
    "admin:models_registry_modelversion_review": superusers(pk="version"),
    "admin:models_registry_modelversion_inspection": entry(302, 302, 302, 404, 404, pk="version"),
    "admin:models_registry_modelversion_reference": admins(pk="version"),
    "admin:models_registry_modelversion_remove_reference": admins_post(pk="version"),
    "admin:models_registry_modelversion_interval": admins_post(pk="version"),
    "admin:executions_execution_export": post(302, 302, 302, 200, 200),
    "admin:executions_execution_log": admins(pk="pk"),
    "admin:executions_execution_test": admins(version_pk="version"),
    "admin:executions_execution_run_cases": admins_post(version_pk="version"),
    "admin:executions_execution_import_cases": admins(version_pk="version"),
    "admin:executions_execution_case_template": admins(version_pk="version"),
    "admin:executions_execution_save_case": admins(pk="test"),
    "admin:executions_execution_case": admins(pk="case"),
    "admin:executions_execution_run_case": admins_post(pk="case"),
    "admin:executions_execution_delete_case": admins(pk="case"),
}


def names(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    """Yield the name of every address; Django admin's two unnamed catch-alls lead nowhere new."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from names(pattern, space)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield prefix + pattern.name


def test_every_address_has_an_entry() -> None:
    assert set(names(get_resolver())) == set(MATRIX)


@dataclass(frozen=True)
class Play:
    """The scene and its people, with the cookies of their browsers, in which they are signed in."""

    scene: Scene
    people: dict[str, User]
    cookies: dict[str, SimpleCookie]

    def browser_of(self, person: str) -> Client:
        """Return the browser of one of the cast; all but the anonymous are signed in."""
        client = Client()
        client.cookies.update(self.cookies.get(person, {}))
        return client

    def program_of(self, person: str) -> Client:
        """Return a program with a new token of the person, of all scopes that they may have."""
        user = self.people[person]
        scopes = [one for one in Scope if one != Scope.PUBLISH or user.may_publish]
        _, secret = make_token(user=user, name="Laptop", scopes=scopes, by=user)
        return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture(scope="module")
def make_play(make_once: MakeOnce) -> Callable[[], Play]:
    def make() -> Play:
        people = {name: make_person(name) for name in CAST[1:]}
        scene = set_scene(people["alice"], people["ada"], people["root"])
        cookies = {}
        for name, user in people.items():
            client = Client()
            client.force_login(user)
            cookies[name] = client.cookies
        return Play(scene, people, cookies)

    return make_once(make)


@pytest.fixture
def play(db: None, make_play: Callable[[], Play]) -> Play:
    return make_play()


@pytest.fixture
def scene(play: Play) -> Scene:
    return play.scene


def address_of(name: str, scene: Scene, entry: Entry | None = None) -> str:
    rows, values = scene.values(), (entry or MATRIX[name]).values
    parts = {part: row[1:] if row.startswith("=") else rows[row] for part, row in values}
    return reverse(name, kwargs=parts)


WITH_PROVIDER: dict[str, Entry] = {
    "accounts:single_sign_on": everybody(302),  # to the provider
    "accounts:single_sign_on_callback": everybody(400),  # nobody was sent there
    "accounts:single_sign_on_link": everybody(302),  # no account is to be linked
    "account_login": visitors(),
    "accounts:invitation": everybody(secret="secret"),
    "admin:accounts_user_act": entry(302, 302, 302, 403, 302, pk="alice", name="=unlink"),
}
"""The answers that are others, or come from other pages, where a provider is set; nobody is linked.
A token is nobody's sign-in there."""


def set_scene(alice: User, ada: User, root: User) -> Scene:
    """Make the rows. The walks in `tests/browser/` look at the same addresses in a browser."""
    version = make_version()
    deployment = services.promote(version=version, text="First version", by=ada)
    record("signed in", by=root)
    failure = make_execution(user=alice, version=version, error_code="MODEL", message="No")
    collect()
    failure.refresh_from_db()
    version.refresh_from_db()
    rows = keep_file(user=alice, model=version.model, name="a.csv", chunks=[ROWS])
    check_file(rows, version, by=alice)
    return Scene(
        execution=make_execution(user=alice, version=version),
        version=version,
        draft=make_version(),
        test=make_execution(user=ada, version=version, purpose="test", outputs=LOAN_OUTPUTS),
        case=version.cases.create(name="A pensioner", inputs=LOAN_INPUTS, expected=[0]),
        deployment=deployment,
        notification=Notification.objects.create(
            user=alice, kind=Kind.MESSAGE, cause="note", title="Hello"
        ),
        mail=Mail.objects.create(
            sender="site@example.com", recipients=["alice@example.com"], subject="Hello"
        ),
        root=root,
        preset=Preset.objects.create(
            user=alice, model=version.model, name="Mine", inputs={"age": 40.0}
        ),
        failure=failure,
        replay=make_execution(
            user=ada, version=version, purpose="replay", replay_of=failure, error_code="MODEL"
        ),
        group=FailureGroup.objects.get(fingerprint=failure.fingerprint),
        support=ask(execution=failure, text="Why?", by=alice),
        rows=rows,
        batch=run_file(rows, version, by=alice),
        token=make_token(user=alice, name="Laptop", scopes=["read"], by=alice)[0],
        service=make_service_account(name="Nightly scoring", by=root),
        invitation=invite(names={"mira@example.com": "Mira"}, role="user", by=root)[0],
        team=services.save_group(name="Credit team", added=[alice], by=root),
    )


@pytest.mark.parametrize("name", MATRIX)
def test_each_person_sees_what_the_matrix_says(name: str, play: Play) -> None:
    found = {}
    expected = MATRIX[name]
    for person in CAST:
        client = play.browser_of(person)
        address = address_of(name, play.scene)
        response = client.post(address) if expected.is_post else client.get(address)
        list(response)  # read as a browser does: its lines are made while it is sent
        found[person] = response.status_code
        if person == "anonymous" and response.status_code == 302 and not name.startswith("mfa"):
            assert re.match(r"/accounts/|/admin/login/", response["Location"])
    assert found == dict(zip(CAST, expected.answers, strict=True))


@pytest.mark.parametrize("name", MATRIX)
def test_each_token_opens_what_the_matrix_says_and_no_page(name: str, play: Play) -> None:
    expected, found = MATRIX[name], {}
    nobody = expected.answers[0]
    address = address_of(name, play.scene)
    for person in CAST[1:]:
        client = play.program_of(person)
        response = client.post(address) if expected.is_post else client.get(address)
        found[person] = response.status_code
    assert found == dict(zip(CAST[1:], expected.by_token or [nobody] * 4, strict=True))


@pytest.mark.parametrize("name", WITH_PROVIDER)
def test_each_person_and_each_token_sees_what_the_matrix_says_of_a_provider(
    name: str, play: Play, settings: Any
) -> None:
    expected = WITH_PROVIDER[name]
    address = address_of(name, play.scene, expected)
    by_session, by_token = {}, {}
    with switched_on(settings):
        for person in CAST:
            answer = play.browser_of(person).get(address)
            assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", "))
            by_session[person] = answer.status_code
        for person in CAST[1:]:
            by_token[person] = play.program_of(person).get(address).status_code
    assert by_session == dict(zip(CAST, expected.answers, strict=True))
    assert by_token == dict.fromkeys(CAST[1:], expected.answers[0])


OF_THE_MODEL = {
    "pk", "slug", "model", "version", "test", "case", "deployment", "preset", "failure", "replay",
    "group", "support", "rows", "batch",
}  # fmt: skip
"""The values of the scene that name a model, or what was made with one."""
OF_NO_MODEL = {
    "user", "alice", "csv", "token", "service", "team", "notification", "mail", "off", "activity",
    "invitation", "secret",
}  # fmt: skip


def test_every_value_of_the_scene_says_whether_it_is_of_a_model(scene: Scene) -> None:
    assert set(scene.values()) == OF_THE_MODEL | OF_NO_MODEL
    assert not OF_THE_MODEL & OF_NO_MODEL


@pytest.fixture
def hidden(play: Play, settings: Any) -> Iterator[Play]:
    """The play with single sign-on, whose models are for Credit team alone: alice is in it and bob
    is not."""
    scene = play.scene
    for version in (scene.version, scene.draft):
        services.show_model(
            model=version.model, is_for_everybody=False, groups=[scene.team], by=scene.root
        )
    with switched_on(settings):
        yield play


@pytest.mark.parametrize("person", ["inside", "outside", "bob", "ada", "root"])
def test_a_model_for_a_group_is_there_for_its_people_and_for_admins_alone(
    person: str, hidden: Play
) -> None:
    """Inside the group alice gets what she gets of a model for everybody, and so do the admins.
    Outside it she finds none of her own rows, and bob finds no model."""
    column, scene = "alice" if person.endswith("side") else person, hidden.scene
    if person == "outside":
        alice = hidden.people["alice"]
        services.save_group(group=scene.team, name="Credit team", removed=[alice], by=scene.root)
    found, expected, program = {}, {}, hidden.program_of(column)
    every = MATRIX | WITH_PROVIDER
    for name, entry in every.items():
        client = program if entry.by_token else hidden.browser_of(column)
        address = address_of(name, scene, entry)
        with transaction.atomic():
            answer = client.post(address) if entry.is_post else client.get(address)
            transaction.set_rollback(True)
        found[name] = answer.status_code
        by_whom = dict(zip(CAST[1:], entry.by_token or entry.answers[1:], strict=True))
        expected[name] = by_whom[column]
        if person in {"outside", "bob"} and any(row in OF_THE_MODEL for _, row in entry.values):
            is_refused_anyway = name.startswith("admin:") or by_whom["bob"] == 403
            expected[name] = by_whom["bob"] if is_refused_anyway else 404
    if person in {"outside", "bob"}:
        expected["executions:home"] = 200  # without a model there is no form to go on to
    if person == "root":  # here nobody discarded it before
        expected["admin:models_registry_modelversion_discard"] = 302
    assert found == expected


@pytest.mark.parametrize("person", ["anonymous", "alice", "root"])
def test_no_answer_is_kept_by_a_browser_or_on_the_way(person: str, play: Play) -> None:
    for name, expected in MATRIX.items():
        client, address = play.browser_of(person), address_of(name, play.scene)
        with transaction.atomic():
            answer = client.post(address) if expected.is_post else client.get(address)
            transaction.set_rollback(True)
        assert {"no-store", "private"} <= set(answer["Cache-Control"].split(", ")), name


def test_a_get_changes_nothing_in_the_database(play: Play) -> None:
    client = play.browser_of("root")
    before = rows_by_table()
    for name, expected in MATRIX.items():
        if expected.is_post or name in {"mfa_generate_recovery_codes"}:
            continue
        client.get(address_of(name, play.scene))
    assert rows_by_table() == before


def rows_by_table() -> dict[str, list[Any]]:
    """Return every row of the product's own tables; when somebody was last seen is allowed to
    change."""
    from django.apps import apps

    ours = {"accounts", "notifications", "models_registry", "executions", "presets", "monitoring"}
    rows = {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.app_label in ours
    }
    for person in rows["accounts.User"]:
        del person["last_seen_at"]
    return rows
