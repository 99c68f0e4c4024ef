"""`manage.py up`, `down` and `status` on real servers, as a person runs them."""

import os
import re
import signal
import socket

import psycopg
import redis

from config.stack.servers import ports
from config.stack.supervision.pids import Identity
from tests.clocks import PATIENCE_SECONDS, until
from tests.config.stack.driver import Stack


def test_a_stack_starts_says_where_it_is_and_stops_without_a_process_left(stack: Stack) -> None:
    started = stack.run("up", "--detach", "postgres", "redis", "s3")
    assert started.code == 0
    assert stack.values["SITE_URL"] in started.said
    assert stack.values["DEMO_PASSWORD"] in started.said

    status = stack.healthy_status()
    lines = [line.split() for line in status.said.splitlines()]
    assert lines[0] == ["part", "address", "health", "pid"]
    assert [(part, health) for part, _, health, _ in lines[1:]] == [
        ("postgres", "healthy"),
        ("redis", "healthy"),
        ("s3", "healthy"),
    ]

    assert stack.run("down").said == "Stopped.\n"
    assert stack.processes() == []
    assert stack.run("status").code == 1


def test_a_second_up_finds_the_first_and_starts_nothing(stack: Stack) -> None:
    stack.run("up", "--detach", "redis")
    supervisor = stack.record.supervisor.pid
    before = stack.processes()
    for again in (stack.run("up"), stack.run("up", "--detach")):
        assert again.code == 0
        assert f"Already running (process {supervisor})" in again.said
        assert stack.values["SITE_URL"] in again.said
    assert stack.processes() == before


def test_the_start_says_what_took_longest_and_ctrl_c_stops_everything(stack: Stack) -> None:
    process = stack.foreground("redis", "postgres")
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ready in" in line:
            break
    ready = [line.split()[1] for line in said if " is ready after " in line]
    assert sorted(ready) == ["postgres", "redis"]
    longest = re.search(r"what took longest: (\w+) \d+\.\d s", said[-1])
    assert longest is not None
    assert longest[1] in ready
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert "stopped" in rest
    assert stack.processes() == []


def test_ctrl_c_while_starting_stops_what_has_begun(stack: Stack) -> None:
    process = stack.foreground("redis", "prefect", "postgres")
    until((stack.folder / "log" / "redis.log").exists, "the first part to say something")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert stack.processes() == []


def test_after_kill_9_of_the_supervisor_nothing_survives_and_the_data_is_there(
    stack: Stack,
) -> None:
    taken: set[int] = set()  # these two prefer ports that others here take and give back
    fixed = {name: str(ports.choose(taken=taken)) for name in ("WEB_PORT", "PREFECT_PORT")}
    stack.run("up", "--detach", "postgres", "redis", "s3", **fixed)
    with psycopg.connect(stack.values["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(stack.values["REDIS_URL"]).set("kept", "42")
    before = stack.values

    os.kill(stack.record.supervisor.pid, signal.SIGKILL)
    until(lambda: stack.processes() == [], "the last process to end")

    assert stack.run("up", "--detach", "postgres", "redis", "s3", **fixed).code == 0
    assert stack.values == before
    with psycopg.connect(stack.values["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    assert redis.Redis.from_url(stack.values["REDIS_URL"]).get("kept") == b"42"


def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next_start(stack: Stack) -> None:
    stack.run("up", "--detach", "postgres", "redis")
    supervisor, before = stack.record.supervisor.pid, Identity.of(stack.pid("redis"))
    # Stopped, they cannot obey the signal that tells them of their parent's death.
    for part in ("postgres", "redis"):
        os.kill(stack.pid(part), signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    assert len(stack.processes()) >= 2

    assert stack.run("up", "--detach", "postgres", "redis").code == 0
    stack.healthy_status()
    assert not before.is_alive()
    servers = [line for line in stack.processes() if "valkey-server" in line]
    assert len(servers) == 1


def test_down_ends_what_a_killed_supervisor_left_behind(stack: Stack) -> None:
    stack.run("up", "--detach", "redis")
    os.kill(stack.pid("redis"), signal.SIGSTOP)
    os.kill(stack.record.supervisor.pid, signal.SIGKILL)
    assert "with 1 process that had been left behind" in stack.run("down").said
    assert stack.processes() == []


def test_servers_that_crash_are_started_again(stack: Stack) -> None:
    stack.run("up", "--detach", "redis", "postgres")
    before = {part: stack.pid(part) for part in ("redis", "postgres")}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(stack.pid(part) != before[part] for part in before), "both to be started")
    stack.healthy_status()


def test_a_server_that_hangs_is_not_healthy(stack: Stack) -> None:
    stack.run("up", "--detach", "redis")
    os.kill(stack.pid("redis"), signal.SIGSTOP)
    status = stack.run("status")
    os.kill(stack.pid("redis"), signal.SIGCONT)
    assert status.code == 1
    assert "healthy" not in status.said.replace("health ", "")


def test_a_fixed_port_in_use_ends_the_start_with_a_sentence(stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        answer = stack.run("up", "redis", WEB_PORT=port)
    assert answer.code == 1
    assert answer.said.startswith(f"Port {port} (WEB_PORT) is in use by another process")
    assert stack.processes() == []


def test_a_port_that_is_no_port_is_refused(stack: Stack) -> None:
    answer = stack.run("up", "redis", REDIS_PORT="eighty")
    assert (answer.code, answer.said) == (
        1,
        "REDIS_PORT is 'eighty': expected a port between 1 and 65535.\n",
    )


def test_a_server_of_ones_own_is_used_and_not_started(stack: Stack) -> None:
    own = os.environ["DATABASE_URL"]
    assert stack.run("up", "--detach", "postgres", "redis", DATABASE_URL=own).code == 0
    assert not (stack.folder / "postgres").exists()
    assert "DATABASE_URL" not in stack.values
    status = stack.healthy_status()
    assert "your own" in next(line for line in status.said.splitlines() if "postgres" in line)
    stack.run("down")
    with psycopg.connect(own) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_of_ones_own_that_does_not_answer_is_named(stack: Stack) -> None:
    answer = stack.run("up", "redis", REDIS_URL="redis://127.0.0.1:9/0")
    assert answer.code == 1
    assert "Your own redis at 127.0.0.1:9/0 does not answer" in answer.said


def test_a_folder_that_cannot_be_used_is_named(stack: Stack) -> None:
    (stack.folder / "file").touch()
    answer = stack.run("up", "redis", STACK_DIR=f"{stack.folder}/file/stack")
    assert answer.code == 1
    assert "cannot be used: Not a directory" in answer.said


def test_a_part_that_does_not_exist_is_named(stack: Stack) -> None:
    answer = stack.run("up", "oracle")
    assert answer.code == 1
    assert "There is no part oracle" in answer.said
