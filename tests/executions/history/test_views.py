"""The history's pages: list, chips, paging, rows that update themselves, delete and restore."""

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import ActivityEvent, User
from executions.models import Execution
from executions.services import own_predictions
from models_registry.inputs.feature_spec import FeatureSpec, Kind, TargetSpec
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution, make_model, make_version


def text(response: Any) -> str:
    """Return the page as a reader sees it, white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def done(user: User, version: ModelVersion, **fields: Any) -> Execution:
    return make_execution(user=user, version=version, **{"outputs": LOAN_OUTPUTS} | fields)


def ids(*executions: Execution) -> dict[str, list[str]]:
    return {"ids": [str(execution.pk) for execution in executions]}


def actions(user: User) -> list[tuple[str, str]]:
    return list(user.activity.order_by("pk").values_list("action", "target"))


def test_a_row_says_when_what_with_which_answer_how_sure_and_by_which_version(
    as_alice: Client, alice: User
) -> None:
    features = tuple(
        FeatureSpec(name, name.capitalize(), Kind.FLOAT, is_listed=name in {"e", "d"})
        for name in "abcde"
    )
    inputs = {name: float(index) for index, name in enumerate("abcde")}
    version = make_version(features=features)
    done(alice, version, inputs=inputs, note="second applicant")
    page = text(as_alice.get("/history/"))
    assert "D 3 E 4 A 0 +2 Repays second applicant 83.4 % Success v1" in page


def test_a_row_of_a_number_says_its_interval_in_the_history_and_among_the_latest(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_version(is_active=True)  # with two live models, the first page is a list
    version = make_version(targets=(TargetSpec("progression", unit="points"),))
    interval = {"low": 118.43, "high": 245.2, "level": 0.9, "source": "model"}
    target = {"name": "progression", "value": 181.6, "interval": interval}
    done(alice, version, outputs={"task": "regression", "targets": [target]})
    assert "181.6 points 118.4 to 245.2 90 % interval Success" in text(as_alice.get("/history/"))
    assert "181.6 points 118.4 to 245.2 90 % interval Success" in text(as_alice.get("/"))


def test_every_list_leads_to_the_answer_of_a_prediction_not_to_the_form_above_it(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_version(is_active=True)
    execution, other = done(alice, active_version), done(alice, active_version)
    link = f'href="/predictions/{execution.pk}/#result"'
    two = f"ids={execution.pk}&ids={other.pk}"
    for page in ("/", "/history/", f"/compare/?{two}", f"/history/delete/?{two}"):
        assert link in as_alice.get(page).content.decode(), page


def test_what_a_phone_folds_of_the_filters_is_counted_and_open_where_it_is_wrong(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    done(alice, active_version)
    assert "in use" not in text(as_alice.get("/history/?q=34&status=success"))
    slug = active_version.model.slug
    page = as_alice.get(f"/history/?from=2026-01-01&to=2026-12-31&model={slug}&status=success")
    assert "Filters 2 in use" in text(page)
    assert '<details class="folds">' in page.content.decode()
    wrong = as_alice.get("/history/?from=2026-01-02&to=2026-01-01").content.decode()
    assert '<details class="folds" open>' in wrong


def test_the_beginning_of_an_id_finds_it_from_six_characters_on_and_fewer_get_the_rule(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    found = done(alice, active_version, id=uuid.UUID("a7a2b3" + 26 * "0"))
    other = done(alice, active_version, id=uuid.UUID("b" * 32), search_own="p-a7a2 again\n")
    for asked in ("P-a7a2b3", "p-A7A2B3", "a7a2b3", str(found.pk)):
        page = as_alice.get("/history/", {"q": asked})
        assert [row.execution for row in page.context["rows"]] == [found], asked
    for asked in ("P-b7", "p-B7b7c", "34 P-c"):
        short = asked.removeprefix("34 ")
        words = text(as_alice.get("/history/", {"q": asked}))
        assert f"“{short}” is too short for an ID" in words
        assert "Write at least six characters after “P-”." in words
        assert "Nothing matches" not in words
    shown = as_alice.get("/history/?q=P-a7a2").context["rows"]
    assert [row.execution for row in shown] == [other]
    assert "Nothing matches" in text(as_alice.get("/history/?q=P-cccccc"))


def test_a_number_is_found_as_the_person_reads_it(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    User.objects.filter(pk=alice.pk).update(number_format=",")
    found = done(alice, active_version, search_text="1,234,567.5 €\n")
    done(alice, active_version, search_text="34 years\n")
    assert [row.execution for row in as_alice.get("/history/?q=1.234.567,5").context["rows"]] == [
        found
    ]


def test_a_failed_row_shows_the_sentence_for_people(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_execution(
        user=alice, version=active_version, error_code="TIMEOUT", message="It took over 10 s."
    )
    assert "It took over 10 s. – Failed" in text(as_alice.get("/history/"))


@pytest.mark.parametrize("status", ["queued", "running"])
def test_an_unfinished_row_asks_again_later_and_later_and_cannot_be_ticked(
    as_alice: Client, alice: User, active_version: ModelVersion, status: str
) -> None:
    execution = make_execution(user=alice, version=active_version, status=status)
    page = as_alice.get("/history/").content.decode()
    assert f'hx-get="/predictions/{execution.pk}/row/?n=1"' in page
    assert re.search(rf'value="{execution.pk}"[^>]* disabled', page)
    delays = []
    for asked in (1, 2, 3, 99):
        row = as_alice.get(f"/predictions/{execution.pk}/row/?n={asked}").content.decode()
        delays.append(int(row.split("load delay:")[1].split("ms")[0]))
    assert delays == sorted(set(delays))
    assert delays[-1] <= 15_000


def test_a_finished_row_asks_no_more(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    row = as_alice.get(f"/predictions/{execution.pk}/row/?n=2").content.decode()
    assert "hx-get" not in row
    assert "disabled" not in row


def test_chips_count_every_status_within_the_other_filters(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    for _ in range(3):
        done(alice, active_version)
    make_execution(user=alice, version=active_version, error_code="MODEL")
    make_execution(user=alice, version=active_version, status="queued")
    make_execution(user=alice, version=active_version, status="running")
    long_ago = timezone.now() - timedelta(days=400)
    done(alice, active_version, requested_at=long_ago)
    today = timezone.localdate().isoformat()
    response = as_alice.get("/history/", {"from": today, "status": "failed"})
    assert "All 6 Success 3 Failed 1 Running 2 Canceled 0" in text(response)
    assert len(response.context["rows"]) == 1
    assert "Download 1 as CSV" in text(response)


def test_counts_beyond_what_is_counted_say_at_least(
    as_alice: Client,
    alice: User,
    active_version: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("executions.history.views.COUNTED", 2)
    for _ in range(3):
        done(alice, active_version)
    assert "All 2+" in text(as_alice.get("/history/"))


def test_pages_follow_each_other_both_ways_with_their_filters(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    made = [done(alice, active_version) for _ in range(60)][::-1]
    make_execution(user=alice, version=active_version, error_code="MODEL")

    def shown(address: str) -> tuple[list[Execution], dict[str, str]]:
        response = as_alice.get(address)
        return [row.execution for row in response.context["rows"]], response.context["pager"]

    first, pager = shown("/history/?status=success")
    assert (first, pager["newer_url"]) == (made[:25], "")
    assert "status=success" in pager["older_url"]
    second, pager = shown("/history/" + pager["older_url"])
    assert second == made[25:50]
    last, end = shown("/history/" + pager["older_url"])
    assert (last, end["older_url"]) == (made[50:], "")
    assert shown("/history/" + end["newer_url"])[0] == made[25:50]
    back, start = shown("/history/" + pager["newer_url"])
    assert (back, start["newer_url"]) == (made[:25], "")


def test_a_page_that_begins_at_a_deleted_prediction_still_stands(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    older, edge = done(alice, active_version), done(alice, active_version)
    own_predictions.delete_executions(ids=[edge.pk], by=alice)
    response = as_alice.get(f"/history/?before={edge.pk}")
    assert [row.execution for row in response.context["rows"]] == [older]


@pytest.mark.parametrize("edge", ["x", "", str(uuid.UUID(int=0))])
def test_a_page_that_begins_nowhere_is_the_first(
    as_alice: Client, alice: User, active_version: ModelVersion, edge: str
) -> None:
    done(alice, active_version)
    assert len(as_alice.get(f"/history/?before={edge}").context["rows"]) == 1


def test_who_searches_for_a_models_name_is_led_to_its_predictions(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    model = active_version.model
    other = make_version(model=make_model(name=f"{model.name} of others"), is_active=True)
    found = done(alice, active_version)
    page = as_alice.get("/history/", {"q": model.name.upper(), "from": "2020-01-01"})
    query = f"?from=2020-01-01&model={model.slug}"
    assert page.context["of_models"] == [(model, query)]  # and not one that Alice never used
    assert f"Show {model.name}" in text(page)
    assert other.model.name not in text(page).partition("Nothing matches")[2]
    assert [row.execution for row in as_alice.get(f"/history/{query}").context["rows"]] == [found]
    for asked in ({"q": "nowhere"}, {"q": model.name, "model": model.slug}, {"q": "34"}):
        assert as_alice.get("/history/", asked).context["of_models"] == [], asked


def test_nothing_yet_and_nothing_matches_are_said_differently(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    assert "No predictions yet" in text(as_alice.get("/history/"))
    done(alice, active_version)
    page = text(as_alice.get("/history/?q=nowhere"))
    assert "Nothing matches" in page
    assert "No predictions yet" not in page


def test_the_model_is_asked_for_once_there_are_several(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    assert 'id="model"' not in as_alice.get("/history/").content.decode()
    other = done(alice, make_version())
    assert 'id="model"' in as_alice.get("/history/").content.decode()
    response = as_alice.get("/history/", {"model": active_version.model.slug})
    assert [row.execution for row in response.context["rows"]] == [execution]
    assert other.version.model.name in response.content.decode()


def test_a_hostile_address_is_answered_in_words(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    done(alice, active_version)
    for query in (
        "q=%00",
        "q=" + "x" * 600,
        "status=<script>",
        "model=nobody",
        "from=%ED%A0%80",
        "q=%27%3B--",
        "q=-",
        "q=%22",
        "after=1&before=2",
        "q=age>1e999",
        "version=1",
        "q=version:99999999999999999999",
    ):
        response = as_alice.get(f"/history/?{query}")
        assert response.status_code in {200, 422}
        assert "<script>" not in response.content.decode().split("<main")[1]


# --- Deleting and restoring ----------------------------------------------------------------------


def test_the_page_before_deleting_states_the_effect_and_changes_nothing(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    page = text(as_alice.get("/history/delete/", ids(execution)))
    assert "Delete 1 prediction" in page
    assert "For 30 days you can bring it back" in page
    execution.refresh_from_db()
    assert execution.deleted_at is None


def test_deleted_predictions_are_hidden_at_once_everywhere(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    gone, kept = done(alice, active_version), done(alice, active_version)
    as_alice.post("/history/delete/", ids(gone))
    slug = active_version.model.slug
    for address in ("/history/", f"/history/?q={gone.public_id}", f"/models/{slug}/"):
        response = as_alice.get(address)
        assert f"/predictions/{gone.pk}/" not in response.content.decode()
        assert f"?from={gone.pk}" not in response.content.decode()
    response = as_alice.post("/history/export/", ids(gone, kept))
    exported = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert gone.public_id.encode() not in exported
    for address in ("", "status/", "row/"):
        assert as_alice.get(f"/predictions/{gone.pk}/{address}").status_code == 404
    for address in ("retry/", "note/", "cancel/"):
        assert as_alice.post(f"/predictions/{gone.pk}/{address}").status_code == 404


def test_several_are_deleted_at_once_and_undone_with_one_click(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    executions = [done(alice, active_version) for _ in range(3)]
    response = as_alice.post("/history/delete/?back=status%3Dsuccess", ids(*executions[:2]))
    assert response["Location"] == "/history/?status=success"
    page = as_alice.get(response["Location"])
    assert "2 predictions deleted." in text(page)
    assert "predictions deleted" not in text(as_alice.get("/history/"))
    as_alice.post("/history/restore/", ids(*executions[:2]))
    assert Execution.objects.visible_to(alice).count() == 3
    ids_of = [execution.public_id for execution in executions[:2]]
    told = [entry for entry in actions(alice) if entry[0].startswith("prediction ")]
    assert sorted(told) == sorted(
        (action, target)
        for action in ("prediction deleted", "prediction restored")
        for target in ids_of
    )


def test_the_tray_leads_to_the_page_that_states_the_effect(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    data = {"act": "delete", **ids(execution)}
    response = as_alice.post("/history/selection/?status=success", data, follow=True)
    assert response.redirect_chain[0][0].startswith("/history/delete/?ids=")
    assert "Delete 1 prediction" in text(response)
    empty = as_alice.post("/history/selection/?q=x", {"act": "delete"})
    assert empty["Location"] == "/history/?q=x"


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_is_not_finished_is_not_deleted(
    as_alice: Client, alice: User, active_version: ModelVersion, status: str
) -> None:
    execution = make_execution(user=alice, version=active_version, status=status)
    assert "still running" in text(as_alice.get("/history/delete/", ids(execution)))
    as_alice.post("/history/delete/", ids(execution))
    execution.refresh_from_db()
    assert execution.deleted_at is None
    assert actions(alice) == []


def test_recently_deleted_lists_days_left_and_restores(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    own_predictions.delete_executions(ids=[execution.pk], by=alice)
    ago = timezone.now() - timedelta(days=29, hours=1)
    Execution.objects.filter(pk=execution.pk).update(deleted_at=ago)
    assert "1 day Restore" in text(as_alice.get("/history/deleted/"))
    response = as_alice.post("/history/restore/", ids(execution) | {"to": "deleted"})
    assert response["Location"] == "/history/deleted/"
    assert list(Execution.objects.visible_to(alice)) == [execution]


def test_after_thirty_days_nothing_comes_back(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    ago = timezone.now() - settings.DELETED_KEPT - timedelta(minutes=1)
    Execution.objects.filter(pk=execution.pk).update(deleted_at=ago)
    assert "Nothing was deleted recently" in text(as_alice.get("/history/deleted/"))
    page = as_alice.post("/history/restore/", ids(execution), follow=True)
    assert "Nothing was restored" in text(page)
    assert not Execution.objects.visible_to(alice).exists()


def test_what_was_deleted_goes_on_page_by_page(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    own_predictions.delete_executions(
        ids=[done(alice, active_version).pk for _ in range(26)], by=alice
    )
    first = as_alice.get("/history/deleted/")
    second = as_alice.get("/history/deleted/" + first.context["pager"]["older_url"])
    assert [len(page.context["rows"]) for page in (first, second)] == [25, 1]


def test_another_persons_predictions_do_not_exist_by_any_road(
    as_alice: Client, bob: User, active_version: ModelVersion
) -> None:
    other = done(bob, active_version, note="private")
    gone = done(bob, active_version)
    own_predictions.delete_executions(ids=[gone.pk], by=bob)
    assert as_alice.get("/history/delete/", ids(other)).status_code == 404
    assert as_alice.get(f"/predictions/{other.pk}/row/").status_code == 404
    for address in ("retry/", "note/"):
        data = {"note": "mine now"}
        assert as_alice.post(f"/predictions/{other.pk}/{address}", data).status_code == 404
    as_alice.post("/history/delete/", ids(other))
    as_alice.post("/history/restore/", ids(gone))
    other.refresh_from_db()
    gone.refresh_from_db()
    assert (other.deleted_at, other.note) == (None, "private")
    assert gone.deleted_at is not None
    assert str(gone.pk) not in as_alice.get("/history/deleted/").content.decode()
    assert len(as_alice.get(f"/history/?before={other.pk}").context["rows"]) == 0


# --- Notes and another try -----------------------------------------------------------------------


def test_a_note_is_kept_shown_and_recorded_without_its_words(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    as_alice.post(f"/predictions/{execution.pk}/note/", {"note": "offered\r\nat 4.9 %"})
    execution.refresh_from_db()
    assert execution.note == "offered\nat 4.9 %"
    assert "offered" in text(as_alice.get(f"/predictions/{execution.pk}/"))
    assert "offered" in text(as_alice.get("/history/"))
    [event] = ActivityEvent.objects.filter(actor=alice)
    assert (event.action, event.target) == ("note written", execution.public_id)
    assert event.before is event.after is None
    as_alice.post(f"/predictions/{execution.pk}/note/", {"note": " "})
    execution.refresh_from_db()
    assert execution.note == ""


def test_a_note_of_a_thousand_characters_is_the_longest(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    longest = ("x" * 499 + "\r\n") * 2
    for note, kept in ((longest, 999), ("y" * 1001, 999)):
        page = as_alice.post(f"/predictions/{execution.pk}/note/", {"note": note}, follow=True)
        execution.refresh_from_db()
        assert len(execution.note) == kept
    assert "It was not saved." in text(page)


def retry(client: Client, execution: Execution, token: uuid.UUID | None = None) -> Any:
    data = {"form_token": str(token or uuid.uuid4())}
    return client.post(f"/predictions/{execution.pk}/retry/", data)


@pytest.mark.parametrize("fields", [{"error_code": "MODEL"}, {"status": "canceled"}])
def test_a_failed_or_canceled_one_is_tried_again_with_the_same_inputs(
    as_alice: Client, alice: User, active_version: ModelVersion, fields: dict[str, str]
) -> None:
    finished = {"finished_at": timezone.now()} if "status" in fields else {}
    execution = make_execution(user=alice, version=active_version, **fields, **finished)
    assert "Try again with the same inputs" in text(as_alice.get(f"/predictions/{execution.pk}/"))
    response = retry(as_alice, execution)
    again = Execution.objects.get(retry_of=execution)
    assert response["Location"] == f"/predictions/{again.pk}/#result"
    assert (again.inputs, again.version, again.status) == (
        execution.inputs, active_version, "queued",
    )  # fmt: skip
    assert (execution.retries.count(), again.retries.count()) == (1, 0)


def test_two_clicks_are_one_try(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, error_code="MODEL")
    token = uuid.uuid4()
    assert len({retry(as_alice, execution, token)["Location"] for _ in range(2)}) == 1
    assert Execution.objects.filter(retry_of=execution).count() == 1


def test_a_try_on_another_version_says_both_on_both_pages(as_alice: Client, alice: User) -> None:
    old = make_version()
    new = make_version(model=old.model, is_active=True)
    execution = make_execution(user=alice, version=old, error_code="MODEL")
    retry(as_alice, execution)
    again = Execution.objects.get(retry_of=execution)
    Execution.objects.filter(pk=again.pk).update(status="canceled", finished_at=timezone.now())
    assert again.version == new
    page = text(as_alice.get(f"/predictions/{again.pk}/"))
    assert f"{execution.public_id} , on v2; the original used v1" in page
    page = text(as_alice.get(f"/predictions/{execution.pk}/"))
    assert f"{again.public_id} on v2; this one used v1" in page


def test_inputs_that_no_longer_fit_come_back_in_the_form_and_run_nothing(
    as_alice: Client, alice: User
) -> None:
    old = make_version(features=(FeatureSpec("age", "Age", Kind.FLOAT),))
    make_version(
        model=old.model,
        is_active=True,
        features=(FeatureSpec("age", "Age", Kind.FLOAT, maximum=100),),
    )
    execution = make_execution(user=alice, version=old, inputs={"age": 230.0}, error_code="MODEL")
    response = retry(as_alice, execution)
    assert response.status_code == 422
    assert "Age: 230 is too high" in text(response)
    assert 'value="230"' in response.content.decode()
    assert Execution.objects.count() == 1


def test_an_input_that_is_gone_is_named_and_runs_nothing(as_alice: Client, alice: User) -> None:
    features = (FeatureSpec("age", "Age", Kind.FLOAT), FeatureSpec("city", "City", Kind.STRING))
    old = make_version(features=features)
    make_version(model=old.model, is_active=True, features=features[:1])
    inputs = {"age": 30.0, "city": "Bern"}
    execution = make_execution(user=alice, version=old, inputs=inputs, error_code="MODEL")
    response = retry(as_alice, execution)
    assert response.status_code == 422
    assert "v2 has no input “city” any more. Nothing has been run." in text(response)
    assert Execution.objects.count() == 1


def test_a_sensitive_input_that_would_be_open_is_left_to_its_person(
    as_alice: Client, alice: User
) -> None:
    secret = FeatureSpec("insurance", "Insurance number", Kind.STRING, is_sensitive=True)
    old = make_version(features=(secret,))
    make_version(model=old.model, is_active=True, features=(replace(secret, is_sensitive=False),))
    inputs = {"insurance": "QQ-1234"}
    execution = make_execution(user=alice, version=old, inputs=inputs, error_code="MODEL")
    response = retry(as_alice, execution)
    assert response.status_code == 422
    assert "v2 does not mark “Insurance number” as sensitive" in text(response)
    assert "QQ-1234" in response.content.decode()
    assert Execution.objects.count() == 1


def test_without_a_live_version_a_sentence_says_so(as_alice: Client, alice: User) -> None:
    execution = make_execution(user=alice, version=make_version(), error_code="MODEL")
    page = as_alice.post(f"/predictions/{execution.pk}/retry/", follow=True)
    assert "There is no active version of this model right now." in text(page)
    assert Execution.objects.count() == 1


def test_a_prediction_that_succeeded_is_not_tried_again(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = done(alice, active_version)
    page = as_alice.post(f"/predictions/{execution.pk}/retry/", follow=True)
    assert "Only a failed or canceled prediction can be tried again." in text(page)
    assert Execution.objects.count() == 1
