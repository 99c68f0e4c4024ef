"""Predicting in a browser: a person fills a form, corrects it, retries and asks for an
explanation."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive, Site, predict, result_of

MODELS = {
    "iris-species": r"Iris (setosa|versicolor|virginica)",
    "diabetes-progression": r"\d+(\.\d+)? points",
    "loan-repayment": r"Likely to (repay|default)",
}


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize(("slug", "answer"), MODELS.items(), ids=list(MODELS))
def test_a_person_fills_the_form_and_reads_the_prediction(
    visit: Arrive, slug: str, answer: str, size: str
) -> None:
    page = visit("user", size=size)
    page.goto(f"/models/{slug}/")
    page.click("text=Typical values")
    predict(page)
    result_of(page, re.compile(answer))
    expect(page).to_have_title(re.compile(answer))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_value_out_of_range_is_corrected_by_one_click(visit: Arrive, size: str) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/?typical=1")
    page.get_by_label("Age").fill("230")
    predict(page)
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors")).to_contain_text("1 value needs a correction")
    page.click("text=Use 100")
    expect(page.get_by_label("Age")).to_have_value("100")
    predict(page)
    result_of(page, re.compile("Likely"))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_failed_prediction_is_tried_again_with_one_click(
    site: Site, newcomer: Arrive, size: str
) -> None:
    email = f"unlucky-{size}@example.com"
    page = newcomer(size, email=email)
    page.goto(site.rows("failed_iris", email))
    expect(page.locator("#result")).to_contain_text("Your inputs are kept")
    page.click("text=Try again with the same inputs")
    result_of(page, re.compile("Iris"))
    expect(page.locator("#result")).to_contain_text("Tried again with the inputs of")


def test_what_moved_the_answer_appears_by_itself(visit: Arrive) -> None:
    page = visit("user")
    page.goto("/models/diabetes-progression/?typical=1")
    page.get_by_label("Body mass index").fill("40")
    predict(page)
    expect(page.locator("#contributions ul.contrib:not([aria-hidden]) li").first).to_be_visible()


def test_a_what_if_curve_is_drawn_by_keyboard_alone(visit: Arrive) -> None:
    page = visit("user")
    page.goto("/models/diabetes-progression/?typical=1")
    page.get_by_label("Age").focus()
    page.keyboard.press("Enter")
    result_of(page, re.compile("points"))
    expect(page.locator("#contributions")).not_to_have_attribute("aria-busy", "true")
    page.locator("summary", has_text="What if").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#curve-input")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#curve svg[role=img]")).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_edit_makes_the_answer_look_old_and_the_next_one_says_what_changed(
    visit: Arrive, size: str
) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/?typical=1")
    predict(page)
    result_of(page, re.compile("Likely"))
    pane, line = page.locator(".pane-result"), page.locator("#result [data-standing]")
    if size == "phone":
        page.locator(".bottom-bar").get_by_text("Change the values").click()
    page.get_by_label("Amount").fill("50000")
    expect(pane).to_have_class(re.compile(r"\bstale\b"))
    expect(line).to_have_text("Made with other values: Amount")
    page.get_by_label("Amount").fill("10800")
    expect(pane).not_to_have_class(re.compile(r"\bstale\b"))
    expect(line).to_have_text("Prediction")
    page.get_by_label("Amount").fill("50000")
    predict(page)
    expect(page.locator("#result .change")).to_contain_text("Amount € 10,800 → € 50,000")
    expect(page.locator("#result .change")).to_contain_text(re.compile(r"[\d.]+ → [\d.]+ %"))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_prediction_asks_at_most_three_addresses_and_has_its_own(
    visit: Arrive, size: str
) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/?typical=1")
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.method, urlsplit(request.url).path)))
    predict(page)
    expect(page).to_have_url(re.compile("/predictions/"))  # the example had contributions, too
    expect(page.locator("#contributions p.help").first).to_contain_text("Effect on the probability")
    others = re.compile("/notifications/news/|/static/favicon")  # the bar's and the browser's own
    own = {(method, path) for method, path in asked if not others.match(path)}
    answered = {("POST", "/models/loan-repayment/")}
    prediction = urlsplit(page.url).path
    assert answered < own <= answered | {
        ("GET", f"{prediction}status/"), ("GET", f"{prediction}explanation/"),
    }  # fmt: skip
    page.reload()
    result_of(page, re.compile("Likely"))


def test_back_brings_the_result_that_stood_there(visit: Arrive) -> None:
    page = visit("user")
    page.goto("/models/loan-repayment/?typical=1")
    predict(page)
    result_of(page, re.compile("Likely"))
    first = page.locator("#result .mono.plain").inner_text()
    page.get_by_label("Amount").fill("50000")
    predict(page)
    expect(page.locator("#result .change")).to_contain_text("€ 50,000")
    page.go_back()
    expect(page.locator("#result .mono.plain")).to_have_text(first)
    expect(page.get_by_label("Amount")).to_have_value("10800")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/models/loan-repayment/\?typical=1$"))
    expect(page.locator(".pane-result")).to_have_class(re.compile(r"\bsample\b"))


def test_the_examples_values_are_typed_into_the_form_by_one_click(newcomer: Arrive) -> None:
    page = newcomer()
    page.goto("/models/loan-repayment/")
    page.get_by_label("Age").fill("30")
    line = page.locator(".pane-result [data-standing]")
    expect(line).to_have_text("Made with other values: Age")
    page.click("text=Fill these values")
    expect(page.get_by_label("Age")).not_to_have_value("30")
    expect(line).to_have_text("The answer for a typical case.")
    expect(page).to_have_url(re.compile(r"/models/loan-repayment/$"))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_field_that_is_left_is_checked_in_place(visit: Arrive, size: str) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/?typical=1")
    age, tenure = page.get_by_label("Age"), page.get_by_label("Time in current job")
    age.fill("230")
    age.press("Tab")
    expect(page.locator(".field", has=age).locator(".error")).to_contain_text("230 is too high")
    expect(age).to_have_attribute("aria-invalid", "true")
    tenure.fill("55")
    tenure.press("Tab")
    expect(page.locator(".field", has=tenure).locator(".notice-line")).to_contain_text("trained")
    predict(page)
    expect(page.locator("#errors li")).to_have_text(["Age: 230 is too high"])
    page.click("text=Use 100")
    expect(page.locator("#errors")).to_be_hidden()
    expect(age).to_have_value("100")
    expect(age).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=age).locator(".notice-line")).to_contain_text("(18–79)")


def test_a_check_that_does_not_arrive_loses_nothing(visit: Arrive) -> None:
    page = visit("user")
    page.goto("/models/loan-repayment/?typical=1")
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.get_by_label("Age").fill("230")
        page.get_by_label("Age").press("Tab")
    page.context.set_offline(False)
    page.get_by_label("Missed payments").fill("1")
    page.get_by_label("Missed payments").press("Tab")
    expect(page.locator(".error")).to_contain_text(
        "230 is too high"
    )  # the next check asks for both
    page.reload()
    page.get_by_label("Age").fill("230")
    predict(page)
    expect(page.locator("#errors")).to_contain_text("Age: 230 is too high")
    expect(page.get_by_label("Age")).to_have_value("230")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_another_value_of_the_strongest_input_is_tried_and_typed_into_the_form(
    visit: Arrive, size: str
) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/?typical=1")
    page.get_by_label("Missed payments").fill("3")
    predict(page)
    result_of(page, re.compile("Likely"))
    expect(page.locator("#contributions ul.contrib:not([aria-hidden]) li").first).to_be_visible()
    page.locator("summary", has_text="What if").click()
    expect(page.locator("#curve-input option:checked")).to_have_text("Missed payments")
    expect(page.locator("#curve-point")).to_be_visible()
    page.select_option("#curve-point", index=0)
    page.click("text=Use this value")
    expect(page.locator("#predict").get_by_label("Missed payments")).to_have_value("0")
    expect(page.locator("#predict").get_by_label("Missed payments")).to_be_focused()


def test_a_result_opens_at_the_answer_on_a_phone_and_its_form_unfolds(visit: Arrive) -> None:
    page = visit("user", size="phone")
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    result_of(page, re.compile("Iris"))
    page.goto(page.url.partition("#")[0])
    expect(page.locator("#result h2.value")).to_be_in_viewport()
    expect(page.locator("#predict")).to_be_hidden()
    page.locator(".bottom-bar >> text=Change the values").click()
    expect(page.locator("#predict")).to_be_visible()
    expect(page.locator(".bottom-bar >> text=Predict")).to_be_visible()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_choices_stand_in_two_columns_and_focus_in_the_accent_ring(
    visit: Arrive, size: str
) -> None:
    page = visit("user", size=size)
    page.goto("/models/loan-repayment/")
    choices = page.locator(".field", has_text="Employment").locator(".radios input")
    places = choices.evaluate_all("all => all.map((one) => one.getBoundingClientRect().x)")
    assert len(places) > 2
    assert len(set(places)) == 2
    page.get_by_label("Time in current job").focus()
    page.keyboard.press("Tab")
    focused = page.locator(".radios input:focus-visible")
    accent = page.evaluate("getComputedStyle(document.querySelector('main a')).color")
    expect(focused).to_have_css("box-shadow", re.compile(re.escape(accent)))
