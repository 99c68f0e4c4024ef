"""A person, an admin and a script use the whole product: real browser, real servers, real worker.

One file, so that the product is brought up once."""

import json
import re
import time
from collections.abc import Callable
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.browser.conftest import REPOSITORY, Site, Visit, keep

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
MODELS = {
    "iris-species": r"Iris (setosa|versicolor|virginica)",
    "diabetes-progression": r"\d+(\.\d+)? points",
    "loan-repayment": r"Likely to (repay|default)",
}


def letter_to(site: Site, address: str, subject: str) -> str:
    """The text of the mail that the running product sent; waits for its outbox."""
    folder = Path(site.environment["STACK_DIR"]) / "mail"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for file in folder.glob("*.log"):
            for part in file.read_text().split("-" * 79):
                letter = message_from_string(part.lstrip(), policy=policy.default)
                if letter["To"] == address and letter["Subject"] == subject:
                    text = letter.get_body(("plain",))
                    assert text is not None
                    return str(text.get_content())
        time.sleep(0.1)
    raise AssertionError(f"no mail “{subject}” came to {address}")


def link_in(text: str) -> str:
    found = re.search(r"^https?://\S+$", text, re.M)
    assert found
    return found[0]


def predict(page: Page) -> None:
    page.locator("button:visible", has_text=re.compile(r"^\s*Predict\s*$")).last.click()


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize(("slug", "answer"), MODELS.items(), ids=list(MODELS))
def test_a_person_signs_in_fills_the_form_and_reads_the_prediction(
    visit: Visit, slug: str, answer: str, size: str
) -> None:
    page = visit("user", size=size)
    page.goto(f"/models/{slug}/")
    page.click("text=Typical values")
    predict(page)
    expect(page.locator("#result h2.value")).to_have_text(re.compile(answer), timeout=15_000)
    expect(page).to_have_title(re.compile(answer))
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert width <= 0
    keep(page, f"{slug}-{size}")


def test_a_person_finds_the_prediction_in_their_history(visit: Visit) -> None:
    page = visit("user")
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    expect(page.locator("#result h2.value")).to_contain_text("Iris", timeout=15_000)
    shown = page.locator("#result a.mono").inner_text()
    page.click("text=History")
    page.locator("tbody a").first.click()
    expect(page.locator("#result a.mono")).to_have_text(shown)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_stranger_registers_confirms_and_predicts(
    site: Site, stranger: Callable[[str], Page], size: str
) -> None:
    email = f"mira-{size}@example.com"
    page = stranger(size)
    page.goto("/")
    page.click("text=Create an account")
    page.get_by_label("Name").fill("Mira Kovač")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("a sentence to sign in with")
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")
    page.goto(link_in(letter_to(site, email, "Confirm your e-mail address")))
    page.click("text=Confirm this address")
    page.goto("/accounts/profile/")
    expect(page.get_by_label("Timezone")).to_have_value("Europe/Zagreb")
    keep(page, f"profile-{size}")
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    expect(page.locator("#result h2.value")).to_contain_text("Iris", timeout=15_000)


def test_a_forgotten_password_is_reset_by_the_mail_alone(
    site: Site, stranger: Callable[[str], Page]
) -> None:
    email, password = "forgetful@example.com", "a sentence to sign in with"
    page = stranger("phone")
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")
    page = stranger("phone")
    page.goto("/accounts/login/")
    page.click("text=Forgotten?")
    page.get_by_label("E-mail").fill(email)
    page.click("text=Send the link")
    expect(page.locator("h1")).to_have_text(re.compile("Check your inbox"))
    page.goto(link_in(letter_to(site, email, "Reset your password")))
    page.get_by_label("New password", exact=True).fill(f"{password} again")
    page.get_by_label("New password, again").fill(f"{password} again")
    page.click("text=Save the new password")
    expect(page.locator("main")).to_contain_text("You were signed out everywhere")
    page.click("main >> text=Sign in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(f"{password} again")
    page.click("main form button.btn-primary")
    page.wait_for_selector("header .avatar")


def test_a_superuser_hands_a_reset_link_over(site: Site, visit: Visit) -> None:
    page = visit("superuser")
    page.goto("/admin/accounts/user/?q=user@example.com")
    page.locator("#result_list a", has_text=re.compile(r"^user@")).click()
    page.locator("li", has_text="Send password reset").get_by_text("Open").click()
    keep(page, "admin-person-act")
    page.click("main button.act, #content button.act")
    expect(page.locator("#link")).to_contain_text(site.url)
    keep(page, "admin-person-link")


def test_a_value_out_of_range_comes_back_with_its_correction(visit: Visit) -> None:
    page = visit("user")
    page.goto("/models/loan-repayment/?typical=1")
    page.get_by_label("Age").fill("230")
    predict(page)
    expect(page.locator("#errors")).to_be_focused()
    expect(page.locator("#errors")).to_contain_text("1 value needs a correction")
    keep(page, "loan-repayment-error-desktop")
    page.click("text=Use 100")
    expect(page.get_by_label("Age")).to_have_value("100")
    predict(page)
    expect(page.locator("#result h2.value")).to_contain_text("Likely", timeout=15_000)


def test_without_scripts_the_form_still_leads_to_the_result(visit: Visit) -> None:
    page = visit("user", scripts=False)
    page.goto("/models/iris-species/?typical=1")
    predict(page)
    expect(page.locator("#result h2.value")).to_contain_text("Iris", timeout=15_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/models/loan-repayment/?typical=1",
        "/history/",
        "/accounts/email/",
        "/accounts/profile/",
        "/accounts/sessions/",
        "/accounts/close/",
        "/accounts/logout/",
    ],
)
def test_axe_finds_nothing_serious(visit: Visit, path: str, scheme: str) -> None:
    page = visit("user", bypass_csp=True, color_scheme=scheme)
    page.goto(path)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    serious = [v["id"] for v in found if v["impact"] in {"serious", "critical"}]
    assert serious == []


def test_an_admin_brings_a_model_file_to_production_by_the_pages_alone(
    visit: Visit, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"rooms": [1.0, 2.0, 3.0, 4.0], "area": [30.0, 55.0, 70.0, 110.0]})
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, [90, 160, 205, 320])
    joblib.dump(model, tmp_path / "flats.joblib")
    page = visit("admin")
    page.goto("/admin/models_registry/registeredmodel/add/")
    page.fill("input[name=name]", "Flat prices")
    page.click("input[name=_continue]")
    page.click("text=Upload a version")
    page.set_input_files("input[name=file]", tmp_path / "flats.joblib")
    page.click("text=Upload and inspect")
    expect(page.locator(".check")).to_contain_text("on a typical row", timeout=30_000)
    page.locator(".object-tools").get_by_text("Run a test").click()
    keep(page, "admin-test")
    page.click("text=Run the test")
    page.locator("a", has_text="Promote to production").click(timeout=30_000)
    page.fill("textarea[name=text]", "The first version, from four flats.")
    keep(page, "admin-promote")
    page.click("text=Make v1 active")
    expect(page.locator(".messagelist")).to_contain_text("Flat prices v1 is live")
    keep(page, "admin-version")
    page.click("text=Open it")
    page.get_by_label("Rooms").fill("3")
    page.get_by_label("Area").fill("70")
    predict(page)
    row = pd.DataFrame([{"rooms": 3.0, "area": 70.0}])
    expected = f"{model.predict(row)[0]:.4g}"
    expect(page.locator("#result h2.value")).to_have_text(expected, timeout=15_000)


def test_status_shows_every_part_healthy(site: Site) -> None:
    status = site.manage("status")
    assert status.returncode == 0, status.stdout
    parts = {line.split()[0] for line in status.stdout.splitlines()[1:]}
    assert parts == {"postgres", "prefect", "redis", "s3", "web", "celery", "worker"}


def wine() -> tuple[Any, dict[str, float]]:
    data = load_wine(as_frame=True)
    model = RandomForestClassifier(30, random_state=1).fit(data.data, data.target)
    return model, data.data.iloc[100].to_dict()


def mixed() -> tuple[Any, dict[str, Any]]:
    frame = pd.DataFrame(
        {
            "city": ["Oslo", "Bern", "Oslo", "Rome", "Bern", "Rome"],
            "is_new": [True, False, True, False, True, False],
            "size": [10.5, None, 12.0, 30.25, 8.0, 22.0],
        }
    )
    columns = make_column_transformer(
        (OneHotEncoder(), ["city", "is_new"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["size"]),
    )
    model = make_pipeline(columns, LinearRegression()).fit(frame, [1.5, 2.5, 1.0, 7.0, 2.0, 6.0])
    return model, {"city": "Rome", "is_new": True, "size": None}


@pytest.mark.parametrize("build", [wine, mixed])
def test_scripts_publish_and_predict_as_scikit_learn_does(
    site: Site, tmp_path: Path, build: Any
) -> None:
    model, inputs = build()
    file = tmp_path / "model.joblib"
    joblib.dump(model, file, compress=("lz4", 1))
    name = f"Scripted {build.__name__}"
    test = json.dumps(inputs)
    published = site.manage(
        "publish_model", str(file), "--model", name, "--by", "admin@example.com",
        "--test", test, "--promote", "--json",
    )  # fmt: skip
    publication = json.loads(published.stdout)
    assert (published.returncode, publication["status"]) == (0, "active"), published.stdout
    predicted = site.manage(
        "predict", publication["model"], "--inputs", test, "--by", "user@example.com", "--json"
    )
    answer = json.loads(predicted.stdout)
    assert predicted.returncode == 0, predicted.stdout
    row = pd.DataFrame([inputs])
    model.set_params(**({"n_jobs": 1} if "n_jobs" in model.get_params() else {}))
    assert answer["prediction"] == model.predict(row)[0]
    if build is wine:
        assert list(answer["probabilities"].values()) == model.predict_proba(row)[0].tolist()
        assert answer["confidence"] == max(model.predict_proba(row)[0])
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["flow_run_id"])
    assert answer["time_to_result_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("predict nothing --inputs {} --by user@example.com", "No live model"),
        ("predict iris-species --inputs { --by user@example.com", "not valid JSON"),
        ("predict iris-species --inputs {} --by user@example.com", "value is needed"),
        ("predict iris-species --inputs {} --by nobody@example.com", "Nobody active"),
        ("publish_model missing.joblib --model X --by admin@example.com", "no file"),
        ("publish_model README.md --model X --by user@example.com", "no admin"),
    ],
)
def test_scripts_get_a_sentence_and_one_json_object_for_bad_input(
    site: Site, arguments: str, sentence: str
) -> None:
    answer = site.manage(*arguments.split(), "--json")
    assert answer.returncode == 1
    assert sentence in json.loads(answer.stdout)["message"]
    assert "Traceback" not in answer.stderr


def test_a_file_that_is_no_model_leaves_a_draft_that_says_so(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "notes.joblib"
    file.write_text("These are notes.")
    answer = site.manage(
        "publish_model", str(file), "--model", "Notes", "--by", "admin@example.com", "--json"
    )
    refused = json.loads(answer.stdout)
    assert (answer.returncode, refused["status"]) == (1, "refused")
    assert "joblib" in refused["message"]
