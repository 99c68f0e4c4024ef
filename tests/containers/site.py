"""One installation by docs/installing.md, in a clone of what is committed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from config.stack.environment import REPOSITORY
from config.stack.servers import ports
from tests.chaos.people import Person
from tests.config.compose import compose
from tests.containers.engine import Engine, EngineError, run

HOST = "models.example.org"
EMAIL, PASSWORD = "root@example.org", "a sentence to sign in with"
PATIENCE_SECONDS = 420
SERVICES: dict[str, dict[str, Any]] = {
    name: service for name, service in compose()["services"].items() if "profiles" not in service
}
STEPS = [name for name, service in SERVICES.items() if service["restart"] == "no"]
RUNNING = [name for name in SERVICES if name not in STEPS]


@dataclass
class Site:
    engine: Engine
    folder: Path
    name: str = "plumbline-containers"
    port: int = field(default_factory=lambda: ports.choose(taken=set()))

    @classmethod
    def cloned(cls, engine: Engine, folder: Path) -> "Site":
        """The clone, with images of names of its own, and the files that an operator makes."""
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
        site = cls(engine, folder)
        file = folder / "docker-compose.yml"
        file.write_text(
            file.read_text().replace("image: plumbline", "image: localhost/plumbline-containers")
        )
        subprocess.run(["deploy/make-secrets.sh"], cwd=folder, check=True, capture_output=True)
        variables = (folder / "deploy/site.env.example").read_text()
        (folder / "site.env").write_text(variables + "PREDICTIONS_PER_MINUTE=6000\n")
        return site

    @classmethod
    def kept(cls, engine: Engine, folder: Path) -> "Site":
        """The installation that an earlier run left up."""
        site = cls(engine, folder, port=0)
        bound = site.inspect("web").get("HostConfig", {}).get("PortBindings") or {}
        if not bound:
            raise EngineError("no installation is up: run it with CONTAINERS_KEEP=1 first.")
        return replace(site, port=int(bound["8000/tcp"][0]["HostPort"]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *argv: str, seconds: float = PATIENCE_SECONDS, **variables: str) -> str:
        return run(
            [*self.engine.compose, "-p", self.name, *argv],
            {**self.engine.environment, "PUBLISHED_PORT": str(self.port), **variables},
            seconds=seconds, folder=self.folder,
        )  # fmt: skip

    # --- Starting -------------------------------------------------------------------------------

    def build(self) -> None:
        self.compose("build", seconds=1800)

    def up(self) -> None:
        """`docker compose up --detach --wait`. podman-compose before podman 4.6 knows no order of
        the start, and podman without systemd asks no health: both are done here."""
        if not self.engine.is_podman:
            self.compose("up", "--no-build", "--detach", "--wait", seconds=900)
            return
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        begun: list[str] = []
        while waiting := [name for name in SERVICES if name not in begun]:
            if ready := [name for name in waiting if self._may_start(name)]:
                self.compose("up", "--no-build", "--no-deps", "--detach", *ready)
                begun += ready
            elif time.monotonic() > deadline:
                raise EngineError(f"{', '.join(waiting)} cannot start: {self.states()}")
            else:
                time.sleep(0.5)
        self.wait_until_healthy()

    def _may_start(self, name: str) -> bool:
        for needed, how in SERVICES[name].get("depends_on", {}).items():
            if how["condition"] == "service_healthy" and not self.is_healthy(needed):
                return False
            if needed in STEPS:
                state = self.state(needed)
                if state.get("Status") != "exited":
                    return False
                if state["ExitCode"]:
                    raise EngineError(f"the step {needed} failed: {self.log(needed)[-2000:]}")
        return True

    def wait_until_healthy(self, *names: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        for name in names or RUNNING:
            while not self.is_healthy(name):
                if time.monotonic() > deadline:
                    raise EngineError(f"{name} is not healthy: {self.log(name)[-2000:]}")
                time.sleep(0.5)

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own health check says so, asked now."""
        if self.state(name).get("Status") != "running":
            return False
        if self.engine.is_podman:
            return self.engine.tried("healthcheck", "run", self.container(name))[0] == 0
        return bool(self.state(name)["Health"]["Status"] == "healthy")

    def down(self) -> None:
        """Remove the containers, networks and volumes of this installation."""
        with contextlib.suppress(EngineError):
            self.compose("down", "--volumes", "--timeout", "5")
        for volume in compose()["volumes"]:
            self.engine.tried("volume", "rm", "--force", f"{self.name}_{volume}")

    # --- Looking and acting ---------------------------------------------------------------------

    def container(self, service: str) -> str:
        return f"{self.name}{'_' if self.engine.is_podman else '-'}{service}" + (
            "_1" if self.engine.is_podman else "-1"
        )

    def inspect(self, service: str) -> dict[str, Any]:
        code, said = self.engine.tried("container", "inspect", self.container(service))
        content: list[dict[str, Any]] = [] if code else json.loads(said[said.index("[") :])
        return content[0] if content else {"State": {}}

    def state(self, service: str) -> dict[str, Any]:
        state: dict[str, Any] = self.inspect(service)["State"]
        return state

    def states(self) -> str:
        return ", ".join(f"{name} {self.state(name).get('Status', 'absent')}" for name in SERVICES)

    def log(self, service: str) -> str:
        return self.engine.tried("logs", self.container(service))[1]

    def execute(self, service: str, *argv: str, **variables: str) -> tuple[int, str]:
        """A command in a running container: its exit code, and what it says."""
        given = [word for pair in variables.items() for word in ("--env", "=".join(pair))]
        return self.engine.tried("exec", *given, self.container(service), *argv, seconds=300)

    def manage(self, *argv: str, **variables: str) -> str:
        code, said = self.execute("web", "python", "manage.py", *argv, **variables)
        if code:
            raise EngineError(f"manage.py {argv[0]} ended with {code}: {said[-2000:]}")
        return said

    def one_off(self, *argv: str, volumes: Mapping[str, str] = {}, **variables: str) -> str:
        """`docker compose run --rm --no-deps … web`, as the documents have it."""
        words = [word for pair in volumes.items() for word in ("--volume", ":".join(pair))]
        words += [word for pair in variables.items() for word in ("--env", "=".join(pair))]
        return self.compose("run", "--rm", "--no-deps", "-T", *words, "web", *argv)

    def query(self, sql: str) -> list[str]:
        """The rows that PostgreSQL's superuser sees in the product's database."""
        code, said = self.execute(
            "postgres", "psql", "--username", "postgres", "--dbname", "product",
            "--tuples-only", "--no-align", "--command", sql,
            PGPASSWORD=(self.folder / "secrets/postgres_password").read_text().strip(),
        )  # fmt: skip
        if code:
            raise EngineError(said)
        return said.split()

    def kill(self, service: str) -> None:
        """End the container's first process, as the kernel does when memory runs out."""
        pid = self.state(service)["Pid"]
        os.kill(int(pid), signal.SIGKILL)

    def start(self, service: str) -> None:
        self.engine.tried("start", self.container(service))

    def person(self) -> Person:
        """Somebody who comes through a proxy that ends TLS: their browser sends secure cookies."""
        headers = {
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.7",
            "Origin": f"https://{HOST}",
        }
        client = httpx.Client(base_url=self.url, timeout=60, headers=headers, trust_env=False)

        def send_cookies_here(_: httpx.Response) -> None:
            for cookie in client.cookies.jar:
                cookie.secure = False

        client.event_hooks = {"response": [send_cookies_here]}
        return Person(self.url, EMAIL, PASSWORD, client=client)
