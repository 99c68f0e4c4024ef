import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIRED = {
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
}


def load(
    tmp_path: Path, shown: str = "s.DEBUG, s.SITE_NAME", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process with only this environment, and print some of them."""
    return subprocess.run(
        [sys.executable, "-c", f"import config.settings as s; print({shown})"],
        cwd=REPOSITORY,
        env={"STACK_DIR": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_setting_that_is_read_is_explained() -> None:
    settings = (REPOSITORY / "config" / "settings.py").read_text()
    read = set(re.findall(r'read\("\w+", "([A-Z_0-9]+)"', settings))
    explained = set(re.findall(r"^([A-Z_0-9]+)=", (REPOSITORY / ".env.example").read_text(), re.M))
    assert read
    assert read <= explained


def test_the_required_variables_are_enough_and_debugging_is_off(tmp_path: Path) -> None:
    assert load(tmp_path, **REQUIRED).stdout == "False Plumbline\n"


def test_a_missing_variable_is_named_with_the_way_out(tmp_path: Path) -> None:
    for name in REQUIRED:
        others = {key: value for key, value in REQUIRED.items() if key != name}
        error = load(tmp_path, **others).stderr.splitlines()[-1]
        assert f"The environment variable {name} is missing or malformed" in error
        assert ".env.example" in error


def test_a_malformed_variable_is_named(tmp_path: Path) -> None:
    error = load(tmp_path, **REQUIRED, PREDICTIONS_PER_MINUTE="many").stderr
    assert "PREDICTIONS_PER_MINUTE is missing or malformed" in error


def test_what_is_not_set_comes_from_the_embedded_stack(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("".join(f"{k}={v}\n" for k, v in REQUIRED.items()))
    answer = load(tmp_path, DATABASE_URL=REQUIRED["DATABASE_URL"], SITE_NAME="Ours")
    assert answer.stdout == "False Ours\n"


def test_a_server_of_ones_own_is_not_told_the_secrets_of_the_embedded_one(tmp_path: Path) -> None:
    embedded = REQUIRED | {"PREFECT_API_AUTH_STRING": "stack:secret", "AWS_ACCESS_KEY_ID": "stack"}
    (tmp_path / "env").write_text("".join(f"{k}={v}\n" for k, v in embedded.items()))
    own = {"PREFECT_API_URL": "http://mine/api", "AWS_STORAGE_BUCKET_NAME": "mine"}
    asked = "s.PREFECT_API_URL, repr(s.PREFECT_API_AUTH_STRING), s.AWS_ACCESS_KEY_ID"
    assert load(tmp_path, asked, **own).stdout == "http://mine/api '' None\n"
    assert load(tmp_path, asked).stdout == "http://127.0.0.1:9/api 'stack:secret' stack\n"
