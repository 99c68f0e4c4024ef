"""docker-compose.yml as plain values, and its services as processes of this machine."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from config.stack.servers import redis
from tests.clocks import PATIENCE_SECONDS, until
from tests.test_settings import REPOSITORY

REDIS_CLI = f"""\
#!{sys.executable}
import os, sys
from redis import Redis
answer = Redis(port=int(sys.argv[2]), password=os.environ["REDISCLI_AUTH"]).ping()
print("PONG" if answer else "")
"""
PATHS = ("run/secrets", "data", "cache", "scratch", "tmp")  # of containers


def compose() -> dict[str, Any]:
    content = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    assert isinstance(content, dict)
    return content


@dataclass
class Machine:
    """Runs the very commands of docker-compose.yml without Docker: paths of containers are folders
    here, names of services are ports of the loopback interface."""

    folder: Path
    ports: Mapping[str, int]  # by `name:port` of the compose file
    variables: Mapping[str, str]  # of site.env
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Return a text of the compose file as it is on this machine."""
        for path in PATHS:
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        text = re.sub(rf"/({'|'.join(PATHS)})\b(?!-)", rf"{self.folder}/\1", text).replace(
            "$$", "$"
        )
        for address, port in self.ports.items():
            name, _, inside = address.partition(":")
            for host in (name, "0.0.0.0", "127.0.0.1"):
                text = text.replace(f"{host}:{inside}", f"127.0.0.1:{port}")
            text = text.replace(f"--port {inside}", f"--port {port}")
        return text.replace("--host 0.0.0.0", "--host 127.0.0.1")

    def programs(self) -> Path:
        """Return a folder with what the image of Redis has: the server under its name, and the one
        call of its client that the health check makes."""
        folder = self.folder / "programs"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "redis-server").symlink_to(redis.server())
            client = folder / "redis-cli"
            client.write_text(REDIS_CLI)
            client.chmod(0o755)
        return folder

    def argv(self, command: str | list[str]) -> list[str]:
        words = shlex.split(command) if isinstance(command, str) else command
        return [self.here(word) for word in words]

    def environment(self, service: str) -> dict[str, str]:
        given = compose()["services"][service].get("environment", {})
        return {
            "PATH": f"{Path(sys.executable).parent}:{self.programs()}:{os.environ['PATH']}",
            "STACK_DIR": str(self.folder / "nothing"),
            "NO_PROXY": "127.0.0.1",
            **(self.variables if "env_file" in compose()["services"][service] else {}),
            **{name: self.here(value) for name, value in given.items()},
        }

    def run(self, service: str, *argv: str) -> str:
        """Run a step, or another command in the service's container, and return what it prints."""
        words = list(argv) or self.argv(compose()["services"][service]["command"])
        done = subprocess.run(
            words, cwd=REPOSITORY, env=self.environment(service), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *services: str) -> None:
        """Start services, and wait until their own health checks say that they are healthy."""
        for service in services:
            with self.log(service).open("wb") as log:
                self.running[service] = subprocess.Popen(
                    self.argv(compose()["services"][service]["command"]), cwd=REPOSITORY,
                    env=self.environment(service), stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        for service in services:
            self._wait_for(service)

    def _wait_for(self, service: str) -> None:
        test = self._health_test(service)

        def is_healthy() -> bool:
            assert self.running[service].poll() is None, self.log(service).read_text()[-3000:]
            return self._probe(service, test).returncode == 0

        until(is_healthy, f"{service} to be healthy", pause=1.0)  # each question is a process

    def _health_test(self, service: str) -> list[str]:
        kind, *words = compose()["services"][service]["healthcheck"]["test"]
        if kind == "CMD":
            return self.argv(words)
        port = self.ports["redis:6379"]
        return ["sh", "-c", self.here(words[0]).replace("redis-cli", f"redis-cli -p {port}")]

    def _probe(self, service: str, test: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            test, cwd=REPOSITORY, env=self.environment(service), capture_output=True, text=True,
            check=False, timeout=PATIENCE_SECONDS,
        )  # fmt: skip

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def stop(self) -> None:
        """Ask all to stop, last started first, as `docker compose stop` does."""
        for process in reversed(self.running.values()):
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
