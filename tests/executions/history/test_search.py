"""The search of the history: displayed texts are found, numbers compare as numbers, and every text
that a person types is valid."""

import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from executions.history.forms import HistoryFilterForm
from executions.history.search import OPERATORS, Comparison, Word, parse
from executions.models import Execution
from executions.records.search_text import own_text, text_of_inputs, text_of_result
from executions.results.presentation import rows
from executions.services import own_predictions
from model_host.protocol.codec import to_json
from model_host.protocol.outputs import Outputs, TargetOutput
from models_registry.inputs.feature_spec import FeatureSpec, Kind, Requirement
from models_registry.models import ModelVersion
from tests.factories import LOAN_INPUTS, LOAN_OUTPUTS, make_execution, make_user, make_version

NAME = FeatureSpec("name", "Applicant's name", Kind.STRING)
SECRET = FeatureSpec("salary", "Salary", Kind.FLOAT, is_sensitive=True)


def make_found(**fields: Any) -> Execution:
    """Create an execution with what the service and the lifecycle write for searches."""
    execution = make_execution(**fields)
    schema = execution.version.features.as_schema()
    execution.search_text = text_of_inputs(schema, execution.inputs or {})
    if outputs := execution.read_outputs():
        execution.search_text += text_of_result(outputs, list(execution.version.targets.all()))
    execution.search_own = own_text(schema, execution.inputs or {}, execution.note)
    execution.save()
    return execution


def search(user: User, text: str, *, is_owner: bool = True) -> set[Execution]:
    own = Execution.objects.visible_to(user)
    form = HistoryFilterForm({"q": text}, base=own, zone=user.zone, is_owner=is_owner)
    assert form.is_valid(), form.errors
    return set(form.filter(own))


def problem(user: User, text: str, *, is_owner: bool = True) -> str:
    own = Execution.objects.visible_to(user)
    form = HistoryFilterForm({"q": text}, base=own, zone=user.zone, is_owner=is_owner)
    assert list(form.filter(own)) == []
    return " ".join(map(str, form.errors.get("q", [])))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", ()),
        ("  \t ", ()),
        ("berlin", (Word("berlin"),)),
        ("berlin self", (Word("berlin"), Word("self"))),
        ('"two  words"', (Word("two words"),)),
        ('"never closed', (Word("never closed"),)),
        ("-word", (Word("word", is_excluded=True),)),
        ('-"two words"', (Word("two words", is_excluded=True),)),
        ("- word", (Word("-"), Word("word"))),
        ("age:34", (Comparison("age", ":", "34"),)),
        ("age=34", (Comparison("age", "=", "34"),)),
        ("age>5", (Comparison("age", ">", "5"),)),
        ("age>=5", (Comparison("age", ">=", "5"),)),
        ("age<=5", (Comparison("age", "<=", "5"),)),
        ("age<-5", (Comparison("age", "<", "-5"),)),
        ("age:10..20", (Comparison("age", "..", "10", "20"),)),
        ("age:..20", (Comparison("age", "..", "", "20"),)),
        ("age:10..", (Comparison("age", "..", "10", ""),)),
        ('"Annual income">4e4', (Comparison("Annual income", ">", "4e4"),)),
        ('work:"Not working"', (Comparison("work", ":", "Not working"),)),
        ("-is:failed", (Comparison("is", ":", "failed", is_excluded=True),)),
        ("age:", (Comparison("age", ":", ""),)),
        (":x", (Word(":x"),)),
        ('"age:34"', (Word("age:34"),)),
        ('name:"1..2"', (Comparison("name", ":", "1..2"),)),
    ],
    ids=repr,
)
def test_a_search_is_read_as_its_terms(text: str, terms: tuple[Any, ...]) -> None:
    assert parse(text) == terms


BARE = st.text(
    st.characters(exclude_characters='":=<>-. ', exclude_categories=["C", "Z"]), min_size=1
)
SPACED = st.lists(BARE, min_size=1, max_size=3).map(" ".join)


@given(st.text())
def test_whatever_somebody_types_has_a_reading(text: str) -> None:
    assert all(isinstance(term, Word | Comparison) for term in parse(text))


@given(st.lists(st.tuples(SPACED, st.sampled_from(OPERATORS), SPACED, st.booleans()), max_size=4))
def test_comparisons_in_quotes_read_back_as_they_were_written(
    wanted: list[tuple[str, str, str, bool]],
) -> None:
    text = " ".join(
        f'{"-" * minus}"{name}"{operator}"{value}"' for name, operator, value, minus in wanted
    )
    assert parse(text) == tuple(
        Comparison(name, operator, value, is_excluded=minus)
        for name, operator, value, minus in wanted
    )


@given(st.lists(st.tuples(SPACED, st.booleans()), max_size=4))
def test_words_in_quotes_read_back_as_they_were_written(wanted: list[tuple[str, bool]]) -> None:
    text = " ".join(f'{"-" * minus}"{word}"' for word, minus in wanted)
    assert parse(text) == tuple(Word(word, minus) for word, minus in wanted)


@pytest.mark.parametrize(
    "text",
    [
        "34 years",
        '"34 years"',
        "41,500",
        "41500",
        '"€ 41,500"',
        "self-EMPLOYED",
        "self",
        "no",
        "repays",
        "Repays",
        "offered",
        '"offered at 4.9"',
        "age:34",
        "age:34.0",
        "age=34",
        "AGE=34",
        "age>33.9",
        "age>=34",
        "age<=34",
        "age:30..40",
        "age:34..34",
        "age:..34",
        "income>41,000",
        "income=41.5e3",
        '"annual income":41500',
        "work:self",
        "work:employed",
        "work=Self-employed",
        "home:no",
        "home=false",
        "is:success",
        "version:1",
        "version:v1",
        "version>=1",
        "-defaults",
        "-age>40",
        "-is:failed",
        '-work:"not working"',
        "age:34 repays offered -car",
    ],
)
def test_what_is_displayed_is_found(alice: User, active_version: ModelVersion, text: str) -> None:
    execution = make_found(
        user=alice, version=active_version, outputs=LOAN_OUTPUTS, note="offered at 4.9 %"
    )
    assert search(alice, text) == {execution}


@pytest.mark.parametrize("text", ["−39.32", '"−39.32 points"', '"-39.32"'])
def test_a_negative_answer_is_found_as_it_is_read_and_with_a_hyphen(
    alice: User, active_version: ModelVersion, text: str
) -> None:
    active_version.targets.update(unit="points")
    answer = TargetOutput("repaid", -39.3218)
    outputs = to_json(Outputs("regression", (answer,)))
    execution = make_found(user=alice, version=active_version, outputs=outputs)
    assert search(alice, text) == {execution}


@pytest.mark.parametrize(
    "text",
    [
        "defaults",
        "42",
        '"years 41"',
        "age>34",
        "age<34",
        "age:35..40",
        "age=33",
        "work:none",
        "work=emp",
        "home:yes",
        "is:failed",
        "is:running",
        "version:2",
        "version<1",
        "-repays",
        "-34",
        "repays defaults",
        "%",
        "_____",
        'income:"not known"',
    ],
)
def test_what_does_not_hold_is_not_found(
    alice: User, active_version: ModelVersion, text: str
) -> None:
    make_found(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    assert search(alice, text) == set()


def test_an_id_is_found_by_its_first_six_characters(
    alice: User, active_version: ModelVersion
) -> None:
    execution = make_found(user=alice, version=active_version)
    make_found(user=alice, version=active_version)
    hexadecimal = execution.pk.hex
    for text in (execution.public_id, f"p-{hexadecimal[:6]}", hexadecimal[:6], str(execution.pk)):
        assert execution in search(alice, text)
    assert search(alice, execution.public_id) == {execution}


def test_a_missing_value_is_found_as_it_is_shown_and_left_out_by_comparisons(alice: User) -> None:
    version = make_version(is_active=True)
    missing = make_found(user=alice, version=version, inputs=LOAN_INPUTS | {"income": None})
    known = make_found(user=alice, version=version)
    assert search(alice, 'income:"not known"') == {missing}
    assert search(alice, "income>0") == {known}
    assert search(alice, "-income>0") == {missing}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("agee:34", "No input is called “agee”. Did you mean “age”?"),
        ("Ages>4", "No input is called “Ages”. Did you mean “Age”?"),
        (
            "salutation>4",
            "No input is called “salutation”. To search for the text itself, put it in",
        ),
        ("age:old", "“Age” is a number. “old” is not."),
        ("age:1..x", "“Age” is a number. “1..x” is not."),
        ("work>3", "“Employment” has no larger or smaller values. Write work:3."),
        ("age:", "Write a value after “age:”."),
        ("is:lost", "No status is called “lost”. Expected success, failed, running, queued or"),
        ("version:new", "“new” is not a version. Write a number, such as version:3."),
    ],
)
def test_a_term_that_means_nothing_is_named_and_hides_nothing_silently(
    alice: User, active_version: ModelVersion, text: str, sentence: str
) -> None:
    make_found(user=alice, version=active_version)
    assert problem(alice, text).casefold().startswith(sentence.casefold())


@pytest.mark.parametrize(
    "text",
    [
        "14:30", "1=1", "%' OR 1=1", "' or '1'='1", "1>=0..5", "50%", "a_b", "\\temp\\x", "$.x==1",
        "<script>", "\\%", "(x)=(y)", "-1:..5", "100%>50%",
    ],
)  # fmt: skip
def test_what_names_no_input_is_the_text_that_was_typed(
    alice: User, active_version: ModelVersion, text: str
) -> None:
    other = make_found(user=alice, version=active_version, outputs=LOAN_OUTPUTS, note="aXb 501=0 %")
    assert search(alice, text) == ({other} if text.startswith("-") else set())
    noted = make_found(user=alice, version=active_version, note=f"said {text.lstrip('-')} then")
    assert search(alice, text) == ({other} if text.startswith("-") else {noted})


def test_an_input_may_still_be_called_by_a_number(alice: User) -> None:
    version = make_version(features=(FeatureSpec("1", "First", Kind.FLOAT),))
    execution = make_found(user=alice, version=version, inputs={"1": 1.0})
    make_found(user=alice, version=version, inputs={"1": 2.0})
    assert search(alice, "1=1") == {execution}


def test_the_page_shows_the_sentence_instead_of_an_empty_list(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    make_found(user=alice, version=active_version)
    response = as_alice.get("/history/", {"q": "agee:34"})
    assert response.status_code == 422
    page = response.content.decode()
    assert "Did you mean “age”?" in page
    assert "Nothing matches" not in page


def test_the_same_name_as_another_kind_in_another_version_is_compared_by_its_own_kind(
    alice: User,
) -> None:
    old = make_version(features=(FeatureSpec("size", "Size", Kind.STRING),))
    new = make_version(model=old.model, features=(FeatureSpec("size", "Size", Kind.FLOAT),))
    text = make_found(user=alice, version=old, inputs={"size": "5"})
    number = make_found(user=alice, version=new, inputs={"size": 5.0})
    make_found(user=alice, version=new, inputs={"size": 6.0})
    assert search(alice, "size:5") == {text, number}
    assert search(alice, "size<6") == {number}


@pytest.mark.parametrize(
    "name", ["0", "a__b", "a b", '"quoted', "$.x", "größe", "a'b", "😀", "a\\"]
)
def test_any_name_of_an_input_can_be_compared(alice: User, name: str) -> None:
    version = make_version(features=(FeatureSpec(name, "Its label", Kind.FLOAT),))
    execution = make_found(user=alice, version=version, inputs={name: 5.0})
    make_found(user=alice, version=version, inputs={name: 6.0})
    assert search(alice, '"its label":5') == {execution}
    assert search(alice, '"Its label"<=5.0') == {execution}


def test_sensitive_inputs_and_notes_are_found_by_their_owner_alone(alice: User) -> None:
    version = make_version(features=(NAME, SECRET))
    execution = make_found(
        user=alice,
        version=version,
        inputs={"name": "Nora", "salary": 81_234.0},
        note="second applicant",
    )
    for text in ("81,234", "81234", "applicant", "salary>80000"):
        assert search(alice, text) == {execution}
    for text in ("81,234", "81234", "applicant"):
        assert search(alice, text, is_owner=False) == set()
    assert "No input is called “salary”" in problem(alice, "salary>80000", is_owner=False)
    assert search(alice, "nora", is_owner=False) == {execution}


def test_a_search_never_reaches_another_persons_predictions(
    alice: User, bob: User, active_version: ModelVersion
) -> None:
    execution = make_found(user=bob, version=active_version, outputs=LOAN_OUTPUTS, note="offered")
    for text in ("repays", "offered", "age:34", execution.public_id, "-nothing"):
        assert search(alice, text) == set()


def test_a_changed_note_is_found_and_the_old_one_is_not(
    alice: User, active_version: ModelVersion
) -> None:
    execution = make_found(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    own_predictions.write_note(execution=execution, note="Bring Ärger up", by=alice)
    assert search(alice, "ärger") == {execution}
    own_predictions.write_note(execution=execution, note="settled", by=alice)
    assert search(alice, "ärger") == set()
    assert search(alice, "settled") == {execution}


VALUES = st.one_of(
    st.none(),
    st.floats(-1e9, 1e9).map(lambda value: value + 0.0),
)
TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=30)


class TestWhatARowShows(TestCase):
    """Hypothesis and rows: each example is rolled back."""

    @hypothesis_settings(max_examples=40)
    @given(number=VALUES, text=TEXTS.filter(lambda text: text.strip()))
    def test_is_found_by_any_part_of_it(self, number: float | None, text: str) -> None:
        features = (
            FeatureSpec("size", "Size", Kind.FLOAT, Requirement.MAY_BE_MISSING, unit="m²"),
            FeatureSpec("city", "City", Kind.STRING),
        )
        user = make_user(f"{uuid.uuid4().hex}@example.com")
        version = make_version(features=features)
        execution = make_found(user=user, version=version, inputs={"size": number, "city": text})
        for _, shown in rows([execution])[0].inputs:
            words = [word for word in re.split(r"\s+", shown) if word and '"' not in word]
            for word in words:
                assert search(user, f'"{word}"') == {execution}
                assert search(user, f'"{word[1:]}" -"{word}x\\never"') == {execution}
        if number is not None:
            assert search(user, f"size={number!r}") == {execution}
            assert search(user, f"size:{number!r}..{number!r}") == {execution}
            assert search(user, f"size>{number!r}") == set()


def test_a_value_that_is_none_of_the_choices_is_found_by_its_input(alice: User) -> None:
    city = FeatureSpec("city", "City", Kind.CHOICE, choices=(("Oslo", "Oslo"),), takes_others=True)
    row = FeatureSpec("row", "Row", Kind.UNUSED, Requirement.MAY_BE_MISSING)
    version = make_version(features=(city, row), is_active=True)
    known, other = (
        make_found(
            user=alice, version=version, inputs={"city": name, "row": n}, outputs=LOAN_OUTPUTS
        )
        for n, name in enumerate(("Oslo", "Stavanger"))
    )
    make_found(user=alice, version=make_version(features=(replace(city, takes_others=False),)))
    assert search(alice, "city:stavang") == {other}
    assert search(alice, "city=Oslo") == {known}
    assert search(alice, "row:1") == {other}


def test_an_identifier_is_found_by_all_of_its_digits(alice: User) -> None:
    number = FeatureSpec("id", "Id", Kind.INTEGER)
    version = make_version(features=(number,), is_active=True)
    first = 1234567890123456788
    found = [
        make_found(user=alice, version=version, inputs={"id": first + n}, outputs=LOAN_OUTPUTS)
        for n in range(3)
    ]
    assert search(alice, f"id:{first + 1}") == {found[1]}
    assert search(alice, f"id>{first + 1}") == {found[2]}
    assert search(alice, f"{first}") == {found[0]}
