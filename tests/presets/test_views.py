"""The pages of presets."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ActivityEvent, User
from executions.models import Execution
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.models import ModelVersion
from presets.models import Preset
from tests.factories import AGE, LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_version

TYPED = {"f0": "34", "f1": "41500", "f2": "false", "f3": "self"}


def typed(version: ModelVersion, **changes: str) -> dict[str, str]:
    """Return the form of ``version`` as it is posted from its own page."""
    return {
        "schema": version.features.as_schema().digest,
        "form_token": "6f1c3a52-0d5a-4b36-9d9e-0a3f0a3f0a3f",
        **TYPED,
        **changes,
    }


def named(version: ModelVersion, name: str, client: Client, **changes: str) -> dict[str, str]:
    """Return the preset's form as it is posted, after it asked for a name."""
    url = reverse("presets:save", args=[version.model.slug])
    form = client.post(url, typed(version, **changes)).context["form"]
    hidden = {field.html_name: str(field.value()) for field in form.hidden_fields()}
    return {**hidden, **TYPED, **changes, "name": name}


def save(version: ModelVersion, name: str, client: Client, **changes: str) -> Any:
    url = reverse("presets:save", args=[version.model.slug])
    return client.post(url, named(version, name, client, **changes))


def make_preset(user: User, version: ModelVersion, **fields: object) -> Preset:
    defaults = {"name": "Young", "inputs": LOAN_INPUTS}
    return Preset.objects.create(user=user, model=version.model, **defaults | fields)


def test_the_values_of_the_form_are_saved_under_a_name(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = save(active_version, "Young self-employed", as_alice)
    assert page.status_code == 302
    preset = Preset.objects.get()
    assert (preset.name, preset.inputs) == ("Young self-employed", LOAN_INPUTS)
    assert ActivityEvent.objects.filter(action="preset saved").count() == 1


def test_asking_for_a_name_keeps_what_was_typed_and_runs_nothing(
    as_alice: Client, active_version: ModelVersion
) -> None:
    url = reverse("presets:save", args=[active_version.model.slug])
    page = as_alice.post(url, typed(active_version, f0="35"))
    assert page.context["form"]["f0"].value() == "35"
    assert not Execution.objects.exists()
    assert not Preset.objects.exists()


def test_a_preset_may_hold_some_of_the_values_only(
    as_alice: Client, active_version: ModelVersion
) -> None:
    save(active_version, "Income", as_alice, f0="", f2="", f3="")
    assert Preset.objects.get().inputs == {"income": 41_500.0}


def test_a_value_that_the_model_would_refuse_is_not_saved(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = save(active_version, "Old", as_alice, f0="230")
    assert page.status_code == 422
    assert "230 is too high" in page.content.decode()
    assert not Preset.objects.exists()


def test_a_correction_is_one_click_in_the_presets_form(
    as_alice: Client, active_version: ModelVersion
) -> None:
    url = reverse("presets:save", args=[active_version.model.slug])
    data = named(active_version, "Old", as_alice, f0="230")
    page = as_alice.post(url, data | {"fix": "f0=100"})
    assert page.context["form"]["f0"].value() == "100"
    assert not Preset.objects.exists()


def test_the_same_name_in_other_letters_is_replaced_only_on_demand(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_preset(alice, active_version, inputs={"age": 20.0})
    page = save(active_version, "YOUNG", as_alice)
    assert page.status_code == 422
    assert "Replace it" in page.content.decode()
    url = reverse("presets:save", args=[active_version.model.slug])
    as_alice.post(url, named(active_version, "YOUNG", as_alice) | {"replace": "1"})
    assert [(p.name, p.inputs) for p in Preset.objects.all()] == [("YOUNG", LOAN_INPUTS)]


def test_there_is_a_limit_for_each_model(
    as_alice: Client, alice: User, active_version: ModelVersion, settings: Settings
) -> None:
    settings.MAX_PRESETS_PER_MODEL = 1
    make_preset(alice, active_version)
    page = save(active_version, "One more", as_alice)
    assert "that is the limit" in page.content.decode()
    assert Preset.objects.count() == 1


def test_the_inputs_of_a_result_become_a_preset(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    page = as_alice.get(reverse("presets:save_from", args=[execution.pk]))
    assert page.context["form"]["f0"].value() == "34"


def test_loading_fills_the_form_and_never_runs(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    page = as_alice.post(reverse("presets:load", args=[preset.pk]))
    assert page.context["form"]["f1"].value() == "41500"
    assert "“Young” loaded: 4 values." in page.content.decode()
    preset.refresh_from_db()
    assert preset.last_used_at is not None
    assert not Execution.objects.exists()


def test_a_partial_preset_keeps_what_else_was_typed(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version, inputs={"age": 50.0})
    page = as_alice.post(
        reverse("presets:load", args=[preset.pk]), typed(active_version, f1="12 something")
    )
    form = page.context["form"]
    assert (form["f0"].value(), form["f1"].value()) == ("50", "12 something")


def test_loading_says_what_no_longer_fits(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(
        alice, active_version, inputs={"age": 120.0, "home": True, "region": "north"}
    )
    page = as_alice.get(reverse("presets:load", args=[preset.pk])).content.decode()
    assert "“Young” loaded: 1 of 3 values." in page
    assert "“region” no longer exists." in page
    assert "120 is too high" in page


def test_the_list_says_what_no_longer_fits_before_anyone_loads_it(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_preset(alice, active_version, inputs={"age": 30.0, "region": "north"})
    page = as_alice.get(reverse("presets:list")).content.decode()
    assert "“region” no longer exists." in page
    assert "1 of 2 values will load." in page


def test_name_and_values_can_be_edited(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    data = named(active_version, "Older", as_alice, f0="60")
    as_alice.post(reverse("presets:edit", args=[preset.pk]), data)
    preset.refresh_from_db()
    assert (preset.name, preset.inputs["age"]) == ("Older", 60.0)


def test_a_deleted_preset_is_gone_at_once_and_comes_back_on_undo(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    page = as_alice.post(reverse("presets:delete", args=[preset.pk]), follow=True)
    assert page.context["deleted"] == preset
    assert page.context["groups"] == []
    page = as_alice.post(reverse("presets:restore", args=[preset.pk]), follow=True)
    assert [row.preset for row in page.context["groups"][0].rows] == [preset]


def test_a_deleted_preset_frees_its_name_and_comes_back_only_if_it_is_free(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    as_alice.post(reverse("presets:delete", args=[preset.pk]))
    make_preset(alice, active_version)
    page = as_alice.post(reverse("presets:restore", args=[preset.pk]), follow=True)
    assert "You have a preset called “Young”" in page.content.decode()


def test_a_habit_is_offered_and_can_be_saved_or_dismissed(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    now = timezone.now()
    for days in (0, 1, 2):
        make_execution(
            user=alice,
            version=active_version,
            outputs=LOAN_OUTPUTS,
            requested_at=now - timedelta(days=days),
        )
    page = as_alice.get(reverse("presets:list"))
    ((_, row),) = page.context["suggestions"]
    assert "Used 3 times" in page.content.decode()
    args = [active_version.model.slug, row.suggestion.digest]
    offered = as_alice.get(reverse("presets:save_suggestion", args=args))
    assert offered.context["form"]["f0"].value() == "34"
    as_alice.post(reverse("presets:dismiss", args=args))
    assert as_alice.get(reverse("presets:list")).context["suggestions"] == []


def test_another_persons_predictions_suggest_nothing(
    as_alice: Client, bob: User, active_version: ModelVersion
) -> None:
    for days in (0, 1, 2):
        make_execution(
            user=bob,
            version=active_version,
            outputs=LOAN_OUTPUTS,
            requested_at=timezone.now() - timedelta(days=days),
        )
    assert as_alice.get(reverse("presets:list")).context["suggestions"] == []


@pytest.mark.parametrize("name", ["edit", "load", "delete"])
def test_another_persons_preset_is_not_there(
    as_alice: Client, bob: User, active_version: ModelVersion, name: str
) -> None:
    preset = make_preset(bob, active_version)
    assert as_alice.post(reverse(f"presets:{name}", args=[preset.pk])).status_code == 404


def test_presets_of_a_model_without_a_live_version_are_kept_and_named(
    as_alice: Client, alice: User
) -> None:
    version = make_version()
    make_preset(alice, version)
    page = as_alice.get(reverse("presets:list"))
    for words in ("This model has no live version right now.", "Young", "4 values"):
        assert words in page.content.decode()


def test_the_list_shows_the_presets_of_every_model_whichever_is_asked_for(
    as_alice: Client, alice: User
) -> None:
    loan, other = make_version(is_active=True), make_version(is_active=True)
    unused, gone = make_version(is_active=True), make_version()
    kept = [make_preset(alice, version) for version in (loan, other, gone)]
    page = as_alice.get(reverse("presets:list"))
    shown = [row.preset for group in page.context["groups"] for row in group.rows]
    assert sorted(shown, key=lambda preset: preset.pk) == kept
    assert "No presets" not in page.content.decode()
    one = as_alice.get(reverse("presets:list"), {"model": other.model.slug})
    assert [row.preset for group in one.context["groups"] for row in group.rows] == [kept[1]]
    none = as_alice.get(reverse("presets:list"), {"model": unused.model.slug})
    assert "No presets for this model yet" in none.content.decode()
    assert as_alice.get(reverse("presets:list"), {"model": "unknown"}).status_code == 404


def test_the_list_costs_the_same_however_many_models_have_presets(
    as_alice: Client, alice: User
) -> None:
    counts = []
    as_alice.get(reverse("presets:list"))  # the first request notes when the session was last seen
    for _ in range(2):
        version = make_version(is_active=True)
        make_preset(alice, version)
        make_execution(user=alice, version=version, outputs=LOAN_OUTPUTS)
        with CaptureQueriesContext(connection) as queries:
            assert as_alice.get(reverse("presets:list")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_whoever_has_no_presets_learns_how_to_make_one(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = as_alice.get(reverse("presets:list")).content.decode()
    assert "No presets yet" in page
    assert "Choose a model" in page


def test_whoever_saves_values_from_the_form_is_back_in_the_form_with_them(
    as_alice: Client, active_version: ModelVersion
) -> None:
    page = as_alice.get(save(active_version, "Young", as_alice)["Location"])
    assert page.context["form"]["f0"].value() == "34"
    assert "“Young” is saved. The form has its 4 values." in page.content.decode()


def test_whoever_cancels_saving_is_back_in_the_form_with_what_was_typed(
    as_alice: Client, active_version: ModelVersion
) -> None:
    data = named(active_version, "", as_alice, f0="230", f1="12 something")
    url = reverse("presets:save", args=[active_version.model.slug])
    form = as_alice.post(url, data | {"cancel": "1"}).context["form"]
    assert [form[key].value() for key in TYPED] == ["230", "12 something", "false", "self"]
    assert not Preset.objects.exists()


def test_saving_goes_back_to_the_result_or_to_the_list_that_the_person_came_from(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    slug = active_version.model.slug
    for page, back in (
        (reverse("presets:save_from", args=[execution.pk]), f"/predictions/{execution.pk}/#result"),
        (reverse("presets:edit", args=[preset.pk]), "/presets/"),
        (f"{reverse('presets:edit', args=[preset.pk])}?model={slug}", f"/presets/?model={slug}"),
    ):
        asked = as_alice.get(page)
        assert asked.context["back"] == back
        posted = named(active_version, "Older", as_alice) | {"back": back, "replace": "1"}
        url = reverse("presets:save", args=[slug]) if "/of/" in page else page
        assert as_alice.post(url, posted)["Location"] == back


def test_saving_never_leads_to_another_site(as_alice: Client, active_version: ModelVersion) -> None:
    url = reverse("presets:save", args=[active_version.model.slug])
    for number, back in enumerate(("https://example.org/", "//example.org/", "javascript:1")):
        posted = named(active_version, f"Preset {number}", as_alice) | {"back": back}
        assert as_alice.post(url, posted)["Location"].startswith("/presets/")


def test_what_is_deleted_undone_or_dismissed_leaves_the_list_as_it_was(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset, slug = make_preset(alice, active_version), active_version.model.slug
    delete, undo = (reverse(f"presets:{name}", args=[preset.pk]) for name in ("delete", "restore"))
    assert as_alice.post(delete)["Location"] == f"/presets/?deleted={preset.pk}"
    assert as_alice.post(undo, {"model": slug})["Location"] == f"/presets/?model={slug}"


def test_the_models_form_has_the_presets_in_its_menu_and_fetches_nothing_for_it(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    preset = make_preset(alice, active_version)
    page = as_alice.get(f"/models/{active_version.model.slug}/").content.decode()
    assert f'formaction="/presets/{preset.pk}/load/"' in page
    assert 'hx-trigger="load"' not in page


def save_in_place(
    client: Client, version: ModelVersion, name: str, **changes: str
) -> tuple[int, str]:
    """Send the name from the menu of the model's form, as its script does."""
    url = reverse("presets:save", args=[version.model.slug])
    answer = client.post(
        url, typed(version, **changes) | {"name": name}, headers={"HX-Request": "true"}
    )
    return answer.status_code, answer.content.decode()


def test_a_preset_is_saved_in_the_menu_of_the_form(
    as_alice: Client, active_version: ModelVersion
) -> None:
    status, menu = save_in_place(as_alice, active_version, "Young", after=str(uuid.uuid4()))
    preset = Preset.objects.get()
    assert status == 200
    assert preset.inputs == LOAN_INPUTS
    assert "“Young” is saved." in menu
    assert f'formaction="/presets/{preset.pk}/load/"' in menu
    assert "<html" not in menu


def test_the_menu_says_why_values_are_not_saved_and_keeps_the_name(
    as_alice: Client, active_version: ModelVersion
) -> None:
    status, menu = save_in_place(as_alice, active_version, "Old", f0="230")
    assert status == 422
    assert "Nothing was saved. Correct the values first: Age." in menu
    assert 'value="Old"' in menu
    assert not Preset.objects.exists()
    status, menu = save_in_place(as_alice, active_version, "")
    assert status == 422
    assert 'role="alert"' in menu


def test_the_menu_replaces_a_preset_of_the_same_name_only_on_demand(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_preset(alice, active_version, inputs={"age": 20.0})
    status, menu = save_in_place(as_alice, active_version, "young")
    assert status == 422
    assert "Replace it" in menu
    status, _ = save_in_place(as_alice, active_version, "young", replace="1")
    assert status == 200
    assert [(p.name, p.inputs) for p in Preset.objects.all()] == [("young", LOAN_INPUTS)]


def test_without_scripts_the_answer_is_still_beside_the_form_after_saving(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    execution = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    url = reverse("presets:save", args=[active_version.model.slug])
    asked = as_alice.post(url, typed(active_version, after=str(execution.pk))).content.decode()
    assert f'name="after" value="{execution.pk}"' in asked
    data = named(active_version, "Young", as_alice) | {"after": str(execution.pk)}
    page = as_alice.get(as_alice.post(url, data)["Location"]).content.decode()
    assert "“Young” is saved." in page
    assert "83.4 %" in page


def test_a_preset_keeps_another_value_an_empty_category_and_an_identifier(
    as_alice: Client, alice: User
) -> None:
    first = 1234567890123456788
    city = FeatureSpec(
        "city", "City", Kind.CHOICE, choices=(("", "(empty)"), ("Oslo", "Oslo")), takes_others=True
    )
    store = FeatureSpec("id", "Id", Kind.CHOICE, choices=((first, "A"), (first + 1, "B")))
    row = FeatureSpec("row", "Row", Kind.UNUSED, Requirement.MAY_BE_MISSING)
    version = make_version(features=(city, store, row), is_active=True)
    for other in ("Stavanger", ""):
        inputs = {"city": other, "id": first + 1, "row": 5}
        execution = make_execution(user=alice, version=version, inputs=inputs, outputs=LOAN_OUTPUTS)
        page = as_alice.get(reverse("presets:save_from", args=[execution.pk]))
        form = page.context["form"]
        data = {field.html_name: str(field.value()) for field in form.hidden_fields()}
        data |= {key: form[key].value() for key in form.inputs} | {"name": f"In “{other}”"}
        answer = as_alice.post(reverse("presets:save", args=[version.model.slug]), data)
        assert answer.status_code == 302
        preset = Preset.objects.get(name=f"In “{other}”")
        assert preset.inputs == {"city": other, "id": first + 1}
        loaded = as_alice.get(reverse("presets:load", args=[preset.pk])).context["form"]
        assert {name: loaded[key].value() for key, name in loaded.names.items()} == {
            "city": other or "(empty)",
            "id": str(first + 1),
        }


def test_a_preset_of_many_inputs_is_a_row_of_those_that_are_given(
    as_alice: Client, alice: User
) -> None:
    features = tuple(replace(AGE, name=f"a{n}", label=f"A {n}") for n in range(201))
    version = make_version(features=features, is_active=True)
    url = reverse("presets:save", args=[version.model.slug])
    digest = version.features.as_schema().digest
    token = "6f1c3a52-0d5a-4b36-9d9e-0a3f0a3f0a3f"
    typed_row = {"schema": digest, "form_token": token, "row": "a7\ta9\n34\t40"}
    form = as_alice.post(url, typed_row).context["form"]
    data = {field.html_name: str(field.value()) for field in form.hidden_fields()}
    as_alice.post(url, {**data, "row": form["row"].value(), "name": "Two"})
    preset = Preset.objects.get()
    assert preset.inputs == {"a7": 34.0, "a9": 40.0}
    loaded = as_alice.get(reverse("presets:load", args=[preset.pk])).context["form"]
    assert loaded["row"].value().splitlines()[1].strip("\t").split("\t") == ["34", "", "40"]
