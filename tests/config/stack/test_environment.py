import re
import stat
from pathlib import Path

import pytest

from config.stack import environment as env
from config.stack.errors import StackError
from config.stack.servers.wheels import package

NEEDED = {
    "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "AWS_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_STORAGE_BUCKET_NAME", "PREFECT_API_URL",
    "PREFECT_API_AUTH_STRING", "PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_HOME", "SITE_URL",
    "ALLOWED_HOSTS", "DEMO", "DEMO_PASSWORD", "REQUIRE_EMAIL_CONFIRMATION", "EMAIL_URL",
    "ARTIFACT_CACHE_DIR",
}  # fmt: skip


def test_the_file_holds_all_that_the_settings_need_and_is_private(tmp_path: Path) -> None:
    env.prepare(tmp_path, {})
    assert env.read(tmp_path / "env").keys() >= NEEDED
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600


def test_the_next_start_keeps_every_secret_and_every_port(tmp_path: Path) -> None:
    first = env.prepare(tmp_path, {"WEB_PORT": ""})
    again = env.prepare(tmp_path, {"WEB_PORT": ""})
    kept = NEEDED - {"SITE_URL", "PREFECT_API_URL"}  # these prefer their well-known ports
    assert {name: first[name] for name in kept} == {name: again[name] for name in kept}


def test_two_stacks_share_no_secret(tmp_path: Path) -> None:
    one, other = env.prepare(tmp_path / "one", {}), env.prepare(tmp_path / "other", {})
    for name in (
        "SECRET_KEY", "DEMO_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PREFECT_API_AUTH_STRING",
    ):  # fmt: skip
        assert one[name] != other[name]
    assert one.password("DATABASE_URL") != other.password("DATABASE_URL")


def test_the_demo_password_can_be_given_and_is_kept(tmp_path: Path) -> None:
    env.prepare(tmp_path, {"DEMO_PASSWORD": "correct horse battery"})
    assert env.prepare(tmp_path, {})["DEMO_PASSWORD"] == "correct horse battery"


def test_a_real_variable_wins_over_the_file(tmp_path: Path) -> None:
    env.prepare(tmp_path, {})
    assert env.load(tmp_path, {"SECRET_KEY": "mine"})["SECRET_KEY"] == "mine"


def test_keys_of_another_store_do_not_open_the_embedded_one(tmp_path: Path) -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "elsewhere"}
    prepared = env.prepare(tmp_path, given)
    assert "s3" not in prepared.own
    assert prepared["AWS_ACCESS_KEY_ID"] != "AKIA"


def test_a_store_of_ones_own_takes_nothing_from_the_file(tmp_path: Path) -> None:
    env.prepare(tmp_path, {})
    given = {"AWS_STORAGE_BUCKET_NAME": "mine", "AWS_ACCESS_KEY_ID": "AKIA"}
    loaded = env.load(tmp_path, given)
    assert loaded.own == {"s3"}
    assert loaded["AWS_STORAGE_BUCKET_NAME"] == "mine"
    assert loaded["AWS_ACCESS_KEY_ID"] == "AKIA"
    assert "AWS_S3_ENDPOINT_URL" not in loaded.values


def test_a_stack_of_an_earlier_version_gets_the_secrets_that_it_had_not(tmp_path: Path) -> None:
    first = env.prepare(tmp_path, {})
    earlier = env.read(tmp_path / "env")
    del earlier["PREFECT_API_AUTH_STRING"]
    env.write(tmp_path / "env", earlier)
    (tmp_path / "artifacts").chmod(0o755)
    now = env.prepare(tmp_path, {})
    assert re.fullmatch(r"stack:[0-9a-f]{32}", now["PREFECT_API_AUTH_STRING"])
    assert now["DATABASE_URL"] == first["DATABASE_URL"]
    assert stat.S_IMODE((tmp_path / "artifacts").stat().st_mode) == 0o700


def test_a_prefect_of_ones_own_is_not_told_the_password_of_the_embedded_one(tmp_path: Path) -> None:
    env.prepare(tmp_path, {})
    loaded = env.load(tmp_path, {"PREFECT_API_URL": "http://prefect.example.org/api"})
    assert "PREFECT_API_AUTH_STRING" not in loaded.values
    given = {"PREFECT_API_AUTH_STRING": "me:mine"}
    assert env.load(tmp_path, given)["PREFECT_API_AUTH_STRING"] != "me:mine"


def test_a_missing_wheel_is_named_with_the_way_out() -> None:
    with pytest.raises(StackError, match=r"wheel no-such is not installed.*set DATABASE_URL"):
        package("no_such_wheel", wheel="no-such", instead="DATABASE_URL")


def test_the_site_listens_on_this_machine_alone_unless_an_address_is_given(tmp_path: Path) -> None:
    assert env.prepare(tmp_path, {})["WEB_HOST"] == "127.0.0.1"
    assert env.prepare(tmp_path, {"WEB_HOST": "0.0.0.0"})["WEB_HOST"] == "0.0.0.0"
    assert env.prepare(tmp_path, {})["WEB_HOST"] == "127.0.0.1"


@pytest.mark.parametrize("text", ["everywhere", "127.0.0.1:8000", "::", "127.0.0.1; id"])
def test_an_address_to_listen_on_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(StackError, match=r"WEB_HOST is .* expected an address of this machine"):
        env.prepare(tmp_path, {"WEB_HOST": text})
