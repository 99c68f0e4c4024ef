"""What `make containers` says where there is no engine, or one without compose."""

from pathlib import Path

import pytest

from tests.containers import engine


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def make(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def said(folder: Path) -> str:
    with pytest.raises(engine.EngineError) as error:
        engine.find(folder)
    return str(error.value)


def test_a_machine_without_an_engine_is_told_which_to_install(programs: Path) -> None:
    assert said(programs) == engine.MISSING


def test_a_client_of_docker_without_its_engine_is_no_engine(programs: Path) -> None:
    make(programs, "docker", "exit 1")
    assert "its engine does not answer: start its service" in said(programs)


def test_docker_without_compose_is_told_which_plugin_to_install(programs: Path) -> None:
    make(programs, "docker", '[ "$1" = info ]')
    assert said(programs) == "docker has no compose: install its plugin (docker-compose-plugin)."


def test_podman_without_compose_is_told_what_to_install(programs: Path) -> None:
    make(programs, "podman", "exit 0")
    assert said(programs) == "podman has no compose: pip install podman-compose."


def test_docker_is_taken_where_it_answers_else_podman(programs: Path) -> None:
    make(programs, "docker", "exit 0")
    make(programs, "podman", "exit 0")
    make(programs, "podman-compose", "exit 0")
    assert engine.find(programs).program == "docker"
    make(programs, "docker", "exit 1")
    assert engine.find(programs).program == "podman"
