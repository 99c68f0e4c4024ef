"""Who sees which model: for everybody else it was never there, on whatever road they come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Scope, User
from accounts.tokens.services import make_token
from executions.models import Execution
from models_registry import services
from models_registry.models import ModelVersion, RegisteredModel
from notifications.models import Context, Kind
from notifications.services import notify
from presets.models import Preset
from tests.factories import (
    LOAN_OUTPUTS,
    make_execution,
    make_model,
    make_version,
)
from tests.test_access_matrix import MATRIX, OF_THE_MODEL, Scene, set_scene

NAME = "Quiet default"
SLUG = "quiet-default"


def hide(version: ModelVersion, *people: User, by: User) -> Group:
    """Show the model to a group of these people alone."""
    team = services.save_group(name=f"Team {Group.objects.count()}", added=people, by=by)
    services.show_model(model=version.model, is_for_everybody=False, groups=[team], by=by)
    return team


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
    inputs = (("age", "40"), ("income", "1"), ("home", "True"), ("work", "emp"))
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


CHANGING = re.compile(
    r'nonce="[^"]*"|nonce-[\w+/=-]+|name="csrfmiddlewaretoken" value="[^"]*"'
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
        _, secret = make_token(user=person, name="Laptop", scopes=Scope.values, by=person)
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


def make_hidden_scene(alice: User, bob: User, ada: User, root: User) -> Scene:
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


@pytest.mark.parametrize("person", ["alice", "bob"])
def test_a_hidden_model_and_one_that_never_was_answer_alike_on_every_road(
    person: str, alice: User, bob: User, ada: User, root: User
) -> None:
    """alice used the model until she left the group; bob was never in it. The site is asked once
    with the model and once without it: the same status, the same bytes, as many queries."""
    plain = make_version(model=make_model(name="Plain", slug="plain"), is_active=True)
    for one in (alice, bob):
        make_execution(user=one, version=plain, outputs=LOAN_OUTPUTS)
        Preset.objects.create(user=one, model=plain.model, name="Plain", inputs={"age": 40.0})
    visit = Visit({"alice": alice, "bob": bob}[person])
    with transaction.atomic():
        scene = make_hidden_scene(alice, bob, ada, root)
        asked = list(roads(scene))
        for road in asked:
            visit.ask(road)  # what a process reads once is read
        hidden = [visit.ask(road) for road in asked]
        transaction.set_rollback(True)
    assert not RegisteredModel.objects.filter(slug=SLUG).exists()
    never = [visit.ask(road) for road in asked]
    different = {
        f"{road.name} {road.address}": (first, second)
        for road, first, second in zip(asked, hidden, never, strict=True)
        if first != second
    }
    assert different == {}
    assert len(asked) > 200
    told = [road.name for road, answer in zip(asked, hidden, strict=True) if NAME in answer.body]
    assert told == []
