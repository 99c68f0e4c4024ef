"""Who sees which model: for everybody else it was never there, on whatever road they come."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.activity_words import sentence
from accounts.models import ActivityEvent, Scope, User
from accounts.privacy import personal_data
from accounts.services import follow_provider
from accounts.tokens.services import make_service_account, make_token
from executions import lifecycle
from executions.models import Execution
from executions.services.rows_files import check_file, keep_file, run_file
from models_registry import services
from models_registry.models import ModelVersion, RegisteredModel
from models_registry.visibility import UNSEEN, people_who_see, who_sees, why_seen
from monitoring.support.services import ask, write_to_owner
from notifications.bell import bell_of
from notifications.mail.writing import write_due
from notifications.models import Context, Kind, Mail, Notification
from notifications.services import count_of_people, notify
from presets.models import Preset
from tests.accounts.test_single_sign_on import somebody_waits_for_a_row
from tests.clocks import until
from tests.factories import (
    LOAN_ANSWER,
    LOAN_OUTPUTS,
    make_execution,
    make_model,
    make_user,
    make_version,
)
from tests.post_office import PostOffice, post_office
from tests.test_access_matrix import MATRIX, OF_THE_MODEL, ROWS, Scene, set_scene

__all__ = ["post_office"]

NAME = "Quiet default"
SLUG = "quiet-default"


def hide(version: ModelVersion, *people: User, by: User) -> Group:
    """Show the model to a group of these people alone."""
    team = services.save_group(name=f"Team {Group.objects.count()}", added=people, by=by)
    version.model = services.show_model(
        model=version.model, is_for_everybody=False, groups=[team], by=by
    )
    return team


def filled(version: ModelVersion) -> dict[str, str]:
    """What a browser sends of the model's form."""
    digest = version.features.as_schema().digest
    values = {"f0": "34", "f1": "41500", "f2": "false", "f3": "self"}
    return values | {"form_token": str(uuid.uuid4()), "schema": digest}


def leave(team: Group, person: User, by: User) -> None:
    services.save_group(group=team, name=team.name, removed=[person], by=by)


def join(team: Group, person: User, by: User) -> None:
    services.save_group(group=team, name=team.name, added=[person], by=by)


# --- The whole site, with a hidden model and without it ---------------------------------------


@dataclass(frozen=True)
class Road:
    """One request of a person, from a page or with a token."""

    name: str
    address: str
    is_post: bool = False
    data: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    is_of_programs: bool = False


def roads(scene: Scene) -> Iterator[Road]:
    """Yield every address of the site, with the rows of the hidden model in it, and the queries and
    bodies that name one of them."""
    rows = scene.values()
    for name, entry in MATRIX.items():
        if name == "accounts:download_data":
            continue  # what a person typed is theirs: it has tests of its own
        if {value for _, value in entry.values} - OF_THE_MODEL - {"csv", "=1", "=none"}:
            continue  # it names a row that is the person's whatever models there are
        parts = {part: row[1:] if row.startswith("=") else rows[row] for part, row in entry.values}
        yield Road(
            name,
            reverse(name, kwargs=parts),
            is_post=entry.is_post,
            is_of_programs=bool(entry.by_token),
        )
    pk, batch, slug = str(rows["pk"]), str(rows["batch"]), rows["slug"]
    done = str(rows["failure"])
    form = f"/models/{slug}/"
    inputs = tuple(filled(scene.version).items())
    kept = scene.version.executions.filter(deleted_at=None)
    answered = kept.get(status="succeeded", purpose="prediction").pk
    for part in ("", "status/", "explanation/", "curve/", "row/", "help/"):
        yield Road("answered", f"/predictions/{answered}/{part}")
    for part in ("pdf/", "note/", "retry/"):
        yield Road("answered", f"/predictions/{answered}/{part}", True, (("note", "Mine"),))
    yield Road("answered, by a program", f"/api/v1/predictions/{answered}", is_of_programs=True)
    yield Road("retry of a failure", f"/predictions/{done}/retry/", True)
    yield Road("predict", form, True, inputs)
    yield Road("fix", form, True, (*inputs, ("fix", "age")))
    yield Road("htmx", form, True, inputs, headers=(("HX-Request", "true"),))
    yield Road("from", f"{form}?from={pk}")
    yield Road("another form, from", f"/models/plain/?from={pk}")
    yield Road("another form, after", f"/models/plain/?after={pk}")
    yield Road("history of the model", f"/history/?model={slug}")
    yield Road("history, a word", "/history/?q=self")
    yield Road("history, an input", "/history/?q=hidden_input:1")
    yield Road("history, its id", f"/history/?q={scene.execution.public_id}")
    yield Road("history, older", f"/history/?before={pk}")
    yield Road("history, newer", f"/history/?after={batch}")
    yield Road("export of it", "/history/export/", True, (("ids", done),))
    yield Road("export of the model", f"/history/export/?model={slug}", True)
    yield Road("delete page", f"/history/delete/?ids={done}&ids={batch}")
    yield Road("delete", f"/history/delete/?ids={done}", True)
    yield Road("restore", "/history/restore/", True, (("ids", done),))
    yield Road("selection", "/history/selection/", True, (("ids", done), ("act", "compare")))
    yield Road("compare", f"/compare/?ids={done}&ids={pk}")
    yield Road("compare csv", f"/compare/csv/?ids={done}&ids={pk}", True)
    yield Road("compare pdf", f"/compare/pdf/?ids={done}&ids={pk}", True)
    yield Road("presets of the model", f"/presets/?model={slug}")
    yield Road("preset deleted", f"/presets/?deleted={rows['preset']}")
    yield Road("save preset", f"/presets/models/{slug}/save/", True, (("name", "x"), *inputs))
    token = (("name", "Script"), ("scopes", "read"), ("only_models", slug), ("days", "30"))
    yield Road("token for the model", "/accounts/tokens/", True, token)
    yield Road("news", "/notifications/news/?state=0-0")
    ask = '{"inputs": {"age": 40, "income": 1, "home": true, "work": "emp"}}'
    for header in ((), (("Prefer", "wait=1"),), (("Idempotency-Key", "k"),)):
        address = f"/api/v1/models/{slug}/predictions"
        yield Road("api", address, True, body=ask, headers=header, is_of_programs=True)
    older = f"/api/v1/predictions?before={pk}"
    yield Road("api, older", older, is_of_programs=True)
    tensors = '{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [40]}]}'
    yield Road("v2", f"/v2/models/{slug}/infer", True, body=tensors, is_of_programs=True)
    frame = '{"dataframe_records": [{"age": 40}]}'
    yield Road("mlflow", f"/mlflow/{slug}/invocations", True, body=frame, is_of_programs=True)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str
    queries: int

    def lines(self) -> list[str]:
        return [
            str(self.status),
            *map(str, self.headers),
            str(self.queries),
            *self.body.split("\n"),
        ]


CHANGING = re.compile(
    r'<time[^>]*>[^<]*</time>|It is now [^<]*|nonce="[^"]*"|nonce-[\w+/=-]+'
    r'|name="csrfmiddlewaretoken" value="[^"]*"'
    r'|"X-CSRFToken": *"[^"]*"|X-CSRFToken[^>]{0,90}'
    r'|name="form_token"[^>]*|value="[0-9a-f-]{36}"[^>]*name="form_token"'
    r"|urn:uuid:[0-9a-f-]{36}|request[_ -]id[^<]{0,60}"
)
"""What differs between two answers to the same request."""


class Visit:
    """A person's browser and token, which ask and leave nothing behind."""

    def __init__(self, person: User) -> None:
        client = Client()
        client.force_login(person)
        self.session = client.cookies["sessionid"].value
        scopes = (Scope.PREDICT, Scope.READ)
        _, secret = make_token(user=person, name="Laptop", scopes=scopes, by=person)
        self.bearer = {"Authorization": f"Bearer {secret}"}

    def ask(self, road: Road) -> Answer:
        headers = dict(road.headers) | (self.bearer if road.is_of_programs else {})
        client = Client(headers=headers)
        if not road.is_of_programs:
            client.cookies["sessionid"] = self.session
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            if road.body:
                response = client.post(road.address, road.body, content_type="application/json")
            elif road.is_post:
                response = client.post(road.address, dict(road.data))
            else:
                response = client.get(road.address)
            body = b"".join(response) if response.streaming else response.content
            transaction.set_rollback(True)
        shown = {"Location", "Content-Type", "Content-Disposition", "Allow", "HX-Redirect"}
        return Answer(
            response.status_code,
            tuple((name, value) for name, value in response.items() if name in shown),
            CHANGING.sub("", body.decode(errors="replace")),
            len(queries),
        )


def make_hidden_scene(alice: User, ada: User, root: User) -> Scene:
    """Make the scene of the access matrix with the hidden name, what people are told about it, and
    what was deleted; then take alice out of the group that sees it."""
    scene = set_scene(alice, ada, root)
    model = scene.version.model
    RegisteredModel.objects.filter(pk=model.pk).update(name=NAME, slug=SLUG)
    model.refresh_from_db()
    scene.version.refresh_from_db()
    scene.version.features.filter(name="income").update(label=NAME)
    scene.notification.delete()
    make_execution(user=alice, version=scene.version, outputs=LOAN_OUTPUTS)
    deleted = make_execution(user=alice, version=scene.version, outputs=LOAN_OUTPUTS)
    Execution.objects.filter(pk=deleted.pk).update(deleted_at=deleted.finished_at)
    for kind in (Kind.EXECUTION_FAILED, Kind.RETIREMENT, Kind.ROLLBACK):
        about = Context(model=NAME, model_id=model.pk)
        notify(alice, kind=kind, cause=f"{kind}", title=f"About {NAME}", context=about)
    RegisteredModel.objects.filter(pk=scene.draft.model_id).update(name=f"{NAME} draft")
    for one in (model, scene.draft.model):
        services.show_model(model=one, is_for_everybody=False, groups=[scene.team], by=root)
    leave(scene.team, alice, root)
    scene.token.delete()
    return scene


def test_a_hidden_model_and_one_that_never_was_answer_alike_on_every_road(
    alice: User, ada: User, root: User
) -> None:
    """alice used the model until she left its group. The site is asked once with the model and once
    without it: the same status, the same bytes, as many queries."""
    plain = make_version(model=make_model(name="Plain", slug="plain"), is_active=True)
    make_execution(user=alice, version=plain, outputs=LOAN_OUTPUTS)
    Preset.objects.create(user=alice, model=plain.model, name="Plain", inputs={"age": 40.0})
    visit = Visit(alice)
    with transaction.atomic():
        scene = make_hidden_scene(alice, ada, root)
        asked = list(roads(scene))
        for road in asked:
            visit.ask(road)  # what a process reads once is read
        hidden = [visit.ask(road) for road in asked]
        transaction.set_rollback(True)
    assert not RegisteredModel.objects.filter(slug=SLUG).exists()
    never = [visit.ask(road) for road in asked]
    different = {
        f"{road.name} {road.address}": [*unified_diff(first.lines(), second.lines(), n=0)]
        for road, first, second in zip(asked, hidden, never, strict=True)
        if first != second
    }
    assert different == {}
    assert len(asked) > 200
    told = [road.name for road, answer in zip(asked, hidden, strict=True) if NAME in answer.body]
    assert told == []


def test_a_model_that_retired_is_gone_for_those_who_saw_it_and_never_was_for_others(
    client: Client, alice: User, bob: User, ada: User, root: User
) -> None:
    version = make_version()
    hide(version, alice, by=root)
    services.promote(version=version, text="First version", by=ada)
    services.retire(model=version.model, reason="Out of date", by=ada)
    page = f"/models/{version.model.slug}/"
    client.force_login(alice)
    assert client.get(page).status_code == 410
    client.force_login(bob)
    assert client.get(page).status_code == 404


def test_a_retired_model_offers_only_models_that_the_person_sees(
    client: Client, alice: User, ada: User, root: User
) -> None:
    hidden = make_version(model=make_model(name=NAME, slug=SLUG), is_active=True)
    hide(hidden, by=root)
    version = make_version()
    services.promote(version=version, text="First version", by=ada)
    services.retire(model=version.model, reason="Out of date", by=ada)
    client.force_login(alice)
    assert NAME not in client.get(f"/models/{version.model.slug}/").content.decode()


# --- What a person made before -----------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """What alice made with a model of her group."""

    team: Group
    version: ModelVersion
    execution: Execution
    preset: Preset


@pytest.fixture
def before(alice: User, root: User) -> Before:
    version = make_version(model=make_model(name=NAME, slug=SLUG), is_active=True)
    team = hide(version, alice, by=root)
    return Before(
        team,
        version,
        make_execution(user=alice, version=version, outputs=LOAN_OUTPUTS),
        Preset.objects.create(user=alice, model=version.model, name="Mine", inputs={"age": 40.0}),
    )


def found_by(client: Client, before: Before) -> tuple[int, bool, bool, bool]:
    """Return what of her own alice finds: the page, and it in the history, the export and the
    presets."""
    pk = before.execution.pk
    exported = client.post("/history/export/")
    return (
        client.get(f"/predictions/{pk}/").status_code,
        str(pk) in client.get("/history/").content.decode(),
        NAME in b"".join(exported).decode(),
        before.preset.name in client.get("/presets/").content.decode(),
    )


def test_what_was_made_with_a_model_goes_with_it_and_comes_back_with_it(
    as_alice: Client, before: Before, alice: User, root: User
) -> None:
    assert found_by(as_alice, before) == (200, True, True, True)
    leave(before.team, alice, root)
    assert found_by(as_alice, before) == (404, False, False, False)
    join(before.team, alice, root)
    assert found_by(as_alice, before) == (200, True, True, True)


def test_the_download_of_own_data_keeps_what_a_person_gave_a_hidden_model_and_not_its_answers(
    before: Before, alice: User, root: User
) -> None:
    notify(
        alice,
        kind=Kind.EXECUTION_FAILED,
        cause="x",
        title="Your prediction failed",
        context=Context(model_id=before.version.model_id),
    )
    Execution.objects.update(note="My note")
    failed = make_execution(user=alice, version=before.version, error_code="MODEL", message="x")
    ask(execution=failed, text="Why?", by=alice)
    write_to_owner(execution=failed, subject="", text=f"{NAME} is out of order", by=root)
    rows = keep_file(user=alice, model=before.version.model, name="a.csv", chunks=[ROWS])
    check_file(rows, before.version, by=alice)
    run_file(rows, before.version, by=alice)
    held = personal_data.everything(alice)
    assert [row["model"] for row in held["predictions"]] == [NAME, NAME]
    assert held["predictions"][0]["outputs"]
    assert len(held["batch rows"]) == 1
    assert [row["from"] for row in held["messages"]] == ["you", "administrator"]
    leave(before.team, alice, root)
    left = personal_data.everything(alice)
    (row, _) = left["predictions"]
    assert (row["inputs"], row["note"]) == (before.execution.inputs, "My note")
    assert (row["model"], row["version"], row["outputs"]) == (UNSEEN, None, None)
    assert [(row["model__name"], row["inputs"]) for row in left["presets"]] == [
        (UNSEEN, before.preset.inputs)
    ]
    assert [row["text"] for row in left["messages"]] == ["Why?"]
    assert [row["inputs"] for row in left["batch rows"]] == [
        row["inputs"] for row in held["batch rows"]
    ]
    assert {row["model"] for row in left["batch rows"] + left["files with rows"]} == {UNSEEN}
    assert left["notifications"] == left["groups"] == []
    made = {part: rows for part, rows in left.items() if part != "activity"}
    assert NAME not in str(made)


def test_a_closed_account_leaves_its_groups_and_all_that_was_made_with_hidden_models(
    before: Before, alice: User, root: User
) -> None:
    services.show_model(model=before.version.model, is_for_everybody=False, by=root)
    personal_data.erase(alice)
    before.execution.refresh_from_db()
    assert (before.execution.inputs, before.execution.outputs) == (None, None)
    assert not Preset.objects.filter(pk=before.preset.pk).exists()
    assert not alice.groups.exists()


def test_what_was_accepted_runs_and_is_not_shown_to_somebody_who_left(
    as_alice: Client, before: Before, alice: User, root: User
) -> None:
    answer = as_alice.post(f"/models/{SLUG}/", filled(before.version))
    assert answer.status_code == 302
    execution = Execution.objects.get(status="queued")
    leave(before.team, alice, root)
    held = lifecycle.mark_running(execution.pk, attempt=1, owner="ann")
    assert held is not None
    assert lifecycle.mark_succeeded(held, owner="ann", outputs=LOAN_ANSWER, warnings=[])
    assert as_alice.get(f"/predictions/{execution.pk}/").status_code == 404
    assert as_alice.get(f"/predictions/{execution.pk}/status/").status_code == 404
    join(before.team, alice, root)
    assert "Repays" in as_alice.get(f"/predictions/{execution.pk}/").content.decode()


def test_a_failure_after_somebody_left_is_not_told(before: Before, alice: User, root: User) -> None:
    execution = make_execution(user=alice, version=before.version)
    leave(before.team, alice, root)
    held = lifecycle.mark_running(execution.pk, attempt=1, owner="ann")
    assert held is not None
    lifecycle.mark_failed(
        held, owner="ann", failure=lifecycle.Failure("MODEL", "It broke", "Trace")
    )
    assert bell_of(alice).unread == 0
    write_due(10)
    assert not Notification.objects.exclude(mailed_at=None).exists()
    join(before.team, alice, root)
    assert bell_of(alice).unread == 1


@pytest.mark.django_db(transaction=True)
def test_somebody_who_is_taken_out_while_they_predict_gets_a_result_or_a_404(
    alice: User, root: User, before: Before, fake_prefect: Any
) -> None:
    answers: list[int] = []
    done = threading.Event()
    forms = [filled(before.version) for _ in range(20)]

    def predict() -> None:
        client = Client(raise_request_exception=False)
        client.force_login(alice)
        try:
            for data in forms:
                answers.append(client.post(f"/models/{SLUG}/", data).status_code)
                answers.append(client.get("/history/").status_code)
                answers.append(client.get("/presets/").status_code)
                answers.append(client.get("/").status_code)
        finally:
            done.set()
            connections.close_all()

    thread = threading.Thread(target=predict)
    thread.start()
    while not done.is_set():
        leave(before.team, alice, root)
        join(before.team, alice, root)
    thread.join()
    assert len(answers) == 80
    assert set(answers) <= {200, 302, 404}
    assert Execution.objects.filter(status="queued").count() == sum(
        answer == 302 for answer in answers[::4]
    )


# --- What people are told -----------------------------------------------------------------------


def test_a_promotion_is_told_to_those_who_see_the_model(
    alice: User, bob: User, ada: User, root: User
) -> None:
    version = make_version(model=make_model(name=NAME, slug=SLUG))
    hide(version, alice, by=root)
    assert count_of_people(Kind.DEPLOYMENT, people_who_see(version.model)) == 3
    services.promote(version=version, text="First version", by=ada)
    told = Notification.objects.filter(kind=Kind.DEPLOYMENT)
    assert {one.user for one in told} == {alice, ada, root}


def test_a_notice_about_a_hidden_model_is_neither_shown_nor_counted_nor_mailed(
    as_alice: Client, alice: User, ada: User, root: User
) -> None:
    version = make_version(model=make_model(name=NAME, slug=SLUG))
    team = hide(version, alice, by=root)
    services.promote(version=version, text="First version", by=ada)
    leave(team, alice, root)
    told = Notification.objects.get(user=alice)
    assert bell_of(alice).unread == 0
    assert NAME not in as_alice.get("/notifications/").content.decode()
    assert as_alice.post(f"/notifications/{told.pk}/read/").status_code == 404
    assert as_alice.post(f"/notifications/{told.pk}/dismiss/").status_code == 404
    write_due(10)
    mailed = Notification.objects.exclude(mailed_at=None)
    assert {one.user for one in mailed} == {ada, root}
    join(team, alice, root)
    assert bell_of(alice).unread == 1


def written_to_alice(before: Before, alice: User) -> Mail:
    """Return the mail in the outbox that tells alice of her failed prediction."""
    about = Context(model_id=before.version.model_id)
    title = f"A prediction of {NAME} failed"
    notify(alice, kind=Kind.EXECUTION_FAILED, cause="x", title=title, context=about)
    write_due(10)
    return Mail.objects.get(recipients=[alice.email])


def test_a_mail_in_the_outbox_is_not_sent_to_somebody_who_left(
    before: Before, alice: User, root: User, post_office: PostOffice
) -> None:
    mail = written_to_alice(before, alice)
    leave(before.team, alice, root)
    assert post_office.collect() == []
    mail.refresh_from_db()
    assert (mail.status, mail.last_error) == ("given up", "HiddenNow")


def test_a_mail_in_the_outbox_says_to_nobody_which_notification_it_tells(
    before: Before, alice: User, post_office: PostOffice
) -> None:
    written_to_alice(before, alice)
    assert "X-Notification" not in post_office.one()


def test_an_old_mail_is_sent_again_only_to_somebody_who_sees_its_model(
    as_ada: Client, before: Before, alice: User, root: User, post_office: PostOffice
) -> None:
    mail = written_to_alice(before, alice)
    Mail.objects.update(given_up_at=mail.created_at)
    leave(before.team, alice, root)
    page = reverse("admin:notifications_mail_change", args=[mail.pk])
    shown = as_ada.get(page).content.decode()
    assert "It tells what the person may not see any more" in shown
    assert "Send again" not in shown
    again = reverse("admin:notifications_mail_again", args=[mail.pk])
    said = as_ada.post(again, follow=True).content.decode()
    assert "It was not sent." in said
    assert post_office.collect() == []
    join(before.team, alice, root)
    as_ada.post(again)
    assert post_office.one()["To"] == alice.email


# --- Programs and commands ---------------------------------------------------------------------


def test_a_service_account_sees_the_models_of_its_groups(root: User) -> None:
    version = make_version(model=make_model(name=NAME, slug=SLUG), is_active=True)
    robot = make_service_account(name="Nightly scoring", by=root)
    _, secret = make_token(user=robot, name="Cron", scopes=Scope.values, by=root)
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    team = hide(version, robot, by=root)
    assert client.get(f"/api/v1/models/{SLUG}").status_code == 200
    assert client.get(f"/v2/models/{SLUG}/ready").status_code == 200
    leave(team, robot, root)
    assert client.get(f"/api/v1/models/{SLUG}").status_code == 404
    assert client.get(f"/v2/models/{SLUG}/ready").status_code == 404
    assert client.get("/api/v1/models").json() == {"items": []}


def test_the_list_of_tokens_names_no_model_that_its_owner_does_not_see(
    as_alice: Client, alice: User, root: User
) -> None:
    hide(make_version(model=make_model(name=NAME, slug=SLUG), is_active=True), by=root)
    make_token(user=alice, name="Laptop", scopes=[Scope.READ], only_models=[SLUG], by=alice)
    page = as_alice.get("/accounts/tokens/").content.decode()
    assert "only for models that you do not see" in page
    assert SLUG not in page


def test_the_command_line_acts_for_a_person_and_knows_their_models_alone(
    capsys: pytest.CaptureFixture[str], alice: User, root: User
) -> None:
    hide(make_version(model=make_model(name=NAME, slug=SLUG), is_active=True), by=root)
    said = []
    for name in (SLUG, "x"):
        with pytest.raises(SystemExit):
            call_command("predict", name, "--by", alice.email, "--inputs", "{}")
        said.append(capsys.readouterr().err.replace(name, "…"))
    assert said[0] == said[1]
    assert "Live models: none." in said[0]


# --- Who sees it, in words ---------------------------------------------------------------------


def test_a_page_says_who_sees_a_model_and_why(
    client: Client, alice: User, ada: User, root: User
) -> None:
    version = make_version(is_active=True)
    about = f"/models/{version.model.slug}/about/"
    client.force_login(alice)
    assert (
        "Everybody who has an account here sees this model." in client.get(about).content.decode()
    )
    team = hide(version, alice, by=root)
    other = services.save_group(name="Auditors", by=root)
    services.show_model(model=version.model, is_for_everybody=False, groups=[team, other], by=root)
    said = client.get(about).content.decode()
    assert f"You see this model because you are in {team.name}. It is not for everybody." in said
    assert "Auditors" not in said
    version.model.refresh_from_db()
    assert why_seen(version.model, ada) == (
        f"Visible to Auditors and {team.name} · 1 person. You see it because admins see every "
        "model."
    )


def test_the_models_page_says_who_sees_it_and_lets_an_admin_change_it(
    as_ada: Client, alice: User, root: User
) -> None:
    version = make_version(model=make_model(name=NAME, slug=SLUG), is_active=True)
    team = services.save_group(name="Credit team", added=[alice, make_user()], by=root)
    page = reverse("admin:models_registry_registeredmodel_change", args=[version.model_id])
    shown = as_ada.get(page)
    assert "Visible to everybody." in shown.content.decode()
    data = shown.context["adminform"].form.initial | {
        "is_for_everybody": "False",
        "groups": [team.pk],
    }
    answer = as_ada.post(page, {name: value for name, value in data.items() if value is not None})
    assert answer.status_code == 302
    assert "Visible to Credit team · 2 people." in as_ada.get(page).content.decode()
    event = ActivityEvent.objects.get(action="model shown")
    assert (event.before, event.after) == (
        {"seen by": "everybody"},
        {"seen by": ["Credit team"]},
    )
    assert sentence(event) == f"Changed who sees {NAME}"


def test_a_model_without_a_group_is_seen_by_admins_alone(
    alice: User, ada: User, root: User
) -> None:
    model = make_version(is_active=True).model
    services.show_model(model=model, is_for_everybody=False, by=root)
    model.refresh_from_db()
    assert who_sees(model) == "Visible to admins alone"
    assert set(people_who_see(model)) == {ada, root}
    assert not RegisteredModel.objects.visible_to(alice).exists()
    assert RegisteredModel.objects.visible_to(ada).get() == model


# --- Groups ------------------------------------------------------------------------------------


def test_a_model_whose_last_group_is_deleted_is_nobodys_and_the_admins_are_told(
    client: Client, alice: User, ada: User, root: User
) -> None:
    version = make_version(model=make_model(name=NAME, slug=SLUG), is_active=True)
    team = hide(version, alice, by=root)
    client.force_login(root)
    page = reverse("admin:auth_group_delete", args=[team.pk])
    assert f"{NAME}: admins alone see it then" in client.get(page).content.decode()
    assert client.post(page, {"post": "yes"}).status_code == 302
    assert not ModelVersion.objects.visible_to(alice).exists()
    told = Notification.objects.filter(kind=Kind.MODEL_HIDDEN)
    assert {one.user for one in told} == {ada, root}
    assert told[0].title == f"Nobody but admins sees {NAME}"
    event = ActivityEvent.objects.get(action="group deleted")
    assert event.before == {"people": 1, "models": [NAME]}


def while_deleted(team: Group, by: User, act: Callable[[], object]) -> list[BaseException]:
    """Do something with the group while it is being deleted; return what was raised."""
    raised: list[BaseException] = []

    def do() -> None:
        try:
            act()
        except Exception as error:
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=do)
    with transaction.atomic():
        services.delete_group(group=team, by=by)
        thread.start()
        until(somebody_waits_for_a_row, "the other one to wait for the group")
    thread.join()
    return raised


@pytest.mark.django_db(transaction=True)
def test_a_group_that_is_deleted_while_it_is_chosen_for_a_model_shows_it_to_nobody() -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    model = make_version(is_active=True).model
    team = services.save_group(name="Credit team", by=root)

    def choose() -> None:
        services.show_model(model=model, is_for_everybody=False, groups=[team], by=root)

    assert while_deleted(team, root, choose) == []
    model.refresh_from_db()
    assert who_sees(model) == "Visible to admins alone"


@pytest.mark.django_db(transaction=True)
def test_a_group_that_is_deleted_while_somebody_signs_in_with_it_is_made_again() -> None:
    root = make_user("root@example.com", is_staff=True, is_superuser=True)
    mira = make_user("mira@example.com")
    team = services.save_group(name="Credit team", by=root)

    def sign_in() -> None:
        follow_provider(
            user=mira, role_of=lambda role: role, groups=["Credit team"], provider="Example Corp"
        )

    assert while_deleted(team, root, sign_in) == []
    (made,) = mira.groups.all()
    assert (made.name, made.pk == team.pk) == ("Credit team", False)


def test_a_model_keeps_its_other_group(alice: User, bob: User, root: User) -> None:
    version = make_version(is_active=True)
    team = hide(version, alice, by=root)
    other = services.save_group(name="Auditors", added=[bob], by=root)
    services.show_model(model=version.model, is_for_everybody=False, groups=[team, other], by=root)
    services.delete_group(group=team, by=root)
    assert not ModelVersion.objects.visible_to(alice).exists()
    assert ModelVersion.objects.visible_to(bob).get() == version
    assert not Notification.objects.filter(kind=Kind.MODEL_HIDDEN).exists()


def test_a_superuser_makes_and_fills_a_group_by_addresses(
    client: Client, alice: User, bob: User, root: User
) -> None:
    client.force_login(root)
    add = reverse("admin:auth_group_add")
    wrong = client.post(add, {"name": "Credit team", "people": "alice@example.com, eve@example"})
    assert "Nobody here has the address eve@example." in wrong.content.decode()
    assert not Group.objects.exists()
    assert (
        client.post(add, {"name": "Credit team", "people": "ALICE@example.com"}).status_code == 302
    )
    team = Group.objects.get()
    assert list(team.user_set.all()) == [alice]
    change = reverse("admin:auth_group_change", args=[team.pk])
    carol = make_user("carol@example.com")
    join(team, carol, root)  # by somebody else, after the page was shown
    sent = {"name": "Credit team", "initial-people": alice.email, "people": bob.email}
    assert client.post(change, sent).status_code == 302
    assert set(team.user_set.all()) == {bob, carol}
    person = reverse("admin:accounts_user_change", args=[bob.pk])
    assert "Credit team" in client.get(person).content.decode()
    joined = ActivityEvent.objects.filter(action="group joined", target=bob.email).get()
    assert joined.after == {"group": "Credit team"}


def test_a_groups_page_names_the_models_that_it_sees_and_what_the_provider_decides(
    client: Client, root: User, settings: Any
) -> None:
    team = hide(make_version(model=make_model(name=NAME, slug=SLUG), is_active=True), by=root)
    other = services.save_group(name="Auditors", by=root)
    client.force_login(root)
    page = client.get(reverse("admin:auth_group_change", args=[team.pk])).content.decode()
    assert f">{NAME}</a>" in page
    assert "Example Corp" not in page
    settings.OIDC_ISSUER, settings.OIDC_NAME = "https://sso.example.org", "Example Corp"
    page = client.get(reverse("admin:auth_group_change", args=[other.pk])).content.decode()
    assert "Those for everybody" in page
    assert "Whoever signs in with Example Corp has the groups that it names" in page


def test_a_group_name_is_taken_once_in_whatever_case(client: Client, root: User) -> None:
    services.save_group(name="Credit team", by=root)
    client.force_login(root)
    answer = client.post(reverse("admin:auth_group_add"), {"name": "credit TEAM", "people": ""})
    assert "A group of this name exists. Choose another name." in answer.content.decode()


BEFORE_GROUPS = [
    ("accounts", "0004_tokens_that_publish"),
    ("models_registry", "0006_taking_over"),
    ("notifications", "0003_batches"),
]


# --- Costs and upgrades ------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["/", "/history/", "/presets/", "/notifications/"])
def test_a_list_page_costs_the_same_with_a_thousand_groups(
    as_alice: Client, alice: User, root: User, page: str
) -> None:
    for _ in range(2):
        version = make_version(is_active=True)
        make_execution(user=alice, version=version, outputs=LOAN_OUTPUTS)
        hide(version, alice, by=root)
    counts = []
    for step in range(2):
        as_alice.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert as_alice.get(page).status_code == 200
        counts.append(len(queries))
        groups = Group.objects.bulk_create(Group(name=f"Group {step} {n}") for n in range(1000))
        alice.groups.add(*groups)
        for model in RegisteredModel.objects.all():
            model.groups.add(*groups)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("page", ["registeredmodel", "group"])
def test_a_list_of_the_admin_costs_the_same_with_a_thousand_groups(
    client: Client, alice: User, root: User, page: str
) -> None:
    client.force_login(root)
    address = {
        "registeredmodel": "/admin/models_registry/registeredmodel/",
        "group": "/admin/auth/group/",
    }[page]
    hide(make_version(is_active=True), alice, by=root)
    counts = []
    for step in range(2):
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts.append(len(queries))
        Group.objects.bulk_create(Group(name=f"Group {step} {n}") for n in range(1000))
    assert counts[0] == counts[1]


def test_a_model_from_before_is_for_everybody(alice: User) -> None:
    """As the upgrade adds the column: with the database's own default."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO models_registry_registeredmodel"
            " (name, slug, description, load_seconds, predict_seconds, slow_seconds, created_at)"
            " VALUES ('Old', 'old', '', 30, 10, 3, now())"
        )
    assert RegisteredModel.objects.visible_to(alice).get().slug == "old"


def test_an_upgrade_leaves_every_model_to_everybody_and_hides_nothing(
    alice: User, active_version: ModelVersion, db: None
) -> None:
    """The real migrations, from the state before groups with rows in it; the test's transaction
    takes them back."""
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    preset = Preset.objects.create(user=alice, model=active_version.model, name="Mine", inputs={})
    about = Context(model_id=active_version.model_id)
    notify(alice, kind=Kind.RETIREMENT, cause="x", title="Gone", context=about)
    connection.check_constraints()  # a table with deferred checks cannot be altered
    MigrationExecutor(connection).migrate(BEFORE_GROUPS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM models_registry_registeredmodel")
        assert "is_for_everybody" not in {column.name for column in cursor.description}
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert list(RegisteredModel.objects.visible_to(alice)) == [active_version.model]
    assert list(Execution.objects.visible_to(alice)) == [execution]
    assert list(Preset.objects.own_of(alice)) == [preset]
    assert [one.model_id for one in Notification.objects.seen_by(alice)] == [about.model_id]
    assert not RegisteredModel.objects.hidden_from(alice).exists()
    assert not Group.objects.exists()


def test_a_notice_from_before_is_hidden_with_its_model(before: Before, alice: User) -> None:
    from importlib import import_module

    notices = import_module("notifications.migrations.0005_which_model")
    others = import_module("monitoring.migrations.0003_models_of_notices")
    for cause, context in {
        "deployment 1": {"model_id": before.version.model_id},
        f"execution {before.execution.pk}": {},
        "note": {},
    }.items():
        Notification.objects.create(
            user=alice, kind=Kind.MESSAGE, cause=cause, title="Old", context=context
        )
    with connection.cursor() as cursor:
        for fill in (
            notices.FILL,
            others.PREDICTIONS,
            others.MESSAGES,
            others.FAILURES,
            others.FILES,
        ):
            cursor.execute(fill)
    found = dict(Notification.objects.values_list("cause", "model_id"))
    assert found == {
        "deployment 1": before.version.model_id,
        f"execution {before.execution.pk}": before.version.model_id,
        "note": None,
    }
