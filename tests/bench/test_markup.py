"""The parsing of the product's own pages for the simulated people of `bench.people`."""

import random

from django.test import Client
from django.urls import reverse

from accounts.models import User
from bench.visitors.markup import Page
from executions.models import Execution
from models_registry.models import ModelVersion
from tests.factories import LOAN_OUTPUTS, make_execution


def page_of(client: Client, path: str) -> Page:
    return Page(client.get(path).content.decode())


def test_a_form_that_is_filled_in_and_varied_is_accepted_by_the_site(
    as_alice: Client, active_version: ModelVersion
) -> None:
    path = reverse("executions:create", args=[active_version.model.slug])
    form = page_of(as_alice, f"{path}?typical=1")
    for seed in range(5):
        inputs = form.filled(random.Random(seed))
        assert as_alice.post(path, inputs).status_code == 302, inputs


def test_numbers_vary_and_what_may_be_a_code_does_not() -> None:
    page = Page(
        '<form id="predict"><input name="f0" value="5.8"><input name="f1" value="1"></form>'
    )
    filled = [page.filled(random.Random(seed)) for seed in range(5)]
    assert len({each["f0"] for each in filled}) > 1
    assert {each["f1"] for each in filled} == {"1"}


def test_a_result_on_its_way_is_asked_for_and_one_that_is_there_is_not(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    queued = make_execution(user=alice, version=active_version)
    succeeded = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    for execution, is_there in ((queued, False), (succeeded, True)):
        page = page_of(as_alice, reverse("executions:detail", args=[execution.pk]))
        status = reverse("executions:status", args=[execution.pk])
        asks = any(each.address.startswith(status) for each in page.questions)
        assert (page.has_result, asks) == (is_there, not is_there)


def test_a_form_that_htmx_sends_is_answered_with_a_pane_that_names_its_prediction(
    as_alice: Client, alice: User, active_version: ModelVersion
) -> None:
    former = make_execution(user=alice, version=active_version, outputs=LOAN_OUTPUTS)
    form = page_of(as_alice, reverse("executions:detail", args=[former.pk]))
    assert form.is_sent_by_htmx
    path = reverse("executions:create", args=[active_version.model.slug])
    inputs = form.filled(random.Random(0))
    answer = as_alice.post(path, inputs, headers={"HX-Request": "true"})
    pane = Page(answer.content.decode())
    prediction = Execution.objects.exclude(pk=former.pk).get()
    assert pane.address.startswith(reverse("executions:detail", args=[prediction.pk]))
    assert [each.address.partition("?")[0] for each in pane.questions] == [
        reverse("executions:status", args=[prediction.pk])
    ]
