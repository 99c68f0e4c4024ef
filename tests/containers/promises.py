"""What is done with the installation, and each promise of docker-compose.yml as a question to the
engine. Every function says in a few words what it saw, or raises BrokenError."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import httpx

from tests.chaos.people import Crowd
from tests.containers.site import EMAIL, HOST, PASSWORD, RUNNING, SERVICES, Site

WITH_A_WAY_OUT = {
    name for name, service in SERVICES.items() if "outside" in service["networks"]
} & set(RUNNING)
# The two servers that take their password from no file: it is in the environment of their own
# process, and nowhere in the container's description.
TAKE_NO_FILE = {"prefect", "s3"}
TRAIN = """\
import sys, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
iris = load_iris(as_frame=True)
data = iris.data.set_axis(["sepal_length", "sepal_width", "petal_length", "petal_width"], axis=1)
model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
joblib.dump(model.fit(data, iris.target_names[iris.target]), sys.argv[1])
"""
CONNECT = """\
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
except OSError as error:
    sys.exit(f"no: {error}")
print("yes")
"""


class BrokenError(Exception):
    """A promise that was not kept."""


@dataclass
class Scene:
    site: Site

    @cached_property
    def crowd(self) -> Crowd:
        return Crowd([self.site.person()], "iris", 2)


def require(condition: object, told: str) -> None:
    if not condition:
        raise BrokenError(told)


# --- What an operator does ----------------------------------------------------------------------


def builds(scene: Scene) -> str:
    scene.site.build()
    return "both images"


def comes_up(scene: Scene) -> str:
    scene.site.up()
    return f"{len(RUNNING)} services healthy"


def signs_in_publishes_and_predicts(scene: Scene) -> str:
    site = scene.site
    site.manage(
        "createsuperuser", "--no-input", "--email", EMAIL, DJANGO_SUPERUSER_PASSWORD=PASSWORD
    )
    here = site.folder / "here"
    here.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", TRAIN, here / "iris.joblib"], check=True)
    typical = '{"sepal_length": 5.8, "sepal_width": 3, "petal_length": 4.35, "petal_width": 1.3}'
    said = site.one_off(
        "python", "manage.py", "publish_model", "/here/iris.joblib", "--model", "Iris", "--by",
        EMAIL, "--test", typical, "--promote", "--json", volumes={str(here): "/here:ro"},
    )  # fmt: skip
    answer = json.loads(said[said.index("{") :])
    require(answer["status"] == "active", said)
    return predict_some(scene, 5)


def predict_some(scene: Scene, count: int) -> str:
    """Send forms over HTTP, and wait until every one has its result."""
    began = time.monotonic()
    for _ in range(count):
        submission = scene.crowd.next()
        scene.crowd.people[0].submit(submission)
        require(submission.execution, f"not accepted: {submission.refusals}")
    nothing_is_lost(scene)
    return (
        f"{count} predictions over HTTP, all with a result after {time.monotonic() - began:.1f} s"
    )


def nothing_is_lost(scene: Scene, seconds: float = 120) -> str:
    """Every accepted form is one execution that succeeded, whatever was killed meanwhile."""
    accepted = [form.execution for form in scene.crowd.submissions if form.execution]
    deadline = time.monotonic() + seconds
    listed = ",".join(f"'{execution}'" for execution in accepted)
    while True:
        rows = scene.site.query(
            f"SELECT status, count(*) FROM executions_execution WHERE id IN ({listed}) GROUP BY 1"
        )
        if rows == [f"succeeded|{len(accepted)}"]:
            return f"{len(accepted)} accepted, {len(accepted)} succeeded"
        require(time.monotonic() < deadline, f"of {len(accepted)} accepted: {', '.join(rows)}")
        time.sleep(1)


# --- What the file promises ---------------------------------------------------------------------


def root_is_read_only(scene: Scene) -> str:
    for name in RUNNING:
        code, said = scene.site.execute(name, "sh", "-c", "echo > /tried || echo > /etc/tried")
        require(code and "Read-only file system" in said, f"{name}: {said}")
    return f"writing to / and /etc is refused in all {len(RUNNING)} containers"


def has_no_rights(scene: Scene) -> str:
    for name in RUNNING:
        _, said = scene.site.execute(name, "cat", "/proc/1/status")
        status = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
        require("CapPrm" in status, f"{name}: {said}")
        for kind in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
            require(int(status[kind], 16) == 0, f"{name}: {kind} {status[kind]}")
        require(status["NoNewPrivs"] == "1", f"{name} may gain privileges")
        require("0" not in status["Uid"].split(), f"{name} runs as root")
        require(status["Seccomp"] == "2", f"{name} has no seccomp filter")
    return "no capability, no new privileges, no root, seccomp in all"


def memory_and_processes_are_limited(scene: Scene) -> str:
    for name in RUNNING:
        limits = scene.site.inspect(name)["HostConfig"]
        require(limits["Memory"] > 0 and limits["PidsLimit"] > 0, f"{name}: {limits}")
    return "limits of memory and processes in all"


@contextmanager
def listener() -> Iterator[tuple[str, int]]:
    """A server on this machine's own address, as one elsewhere in the world would be."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; the address that would be used
        own = probe.getsockname()[0]
    with socket.create_server((own, 0)) as server:
        closing = threading.Event()

        def accept() -> None:
            server.settimeout(0.2)
            while not closing.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            closing.set()
            thread.join()


def only_two_have_a_way_out(scene: Scene) -> str:
    python = [name for name in RUNNING if name not in ("postgres", "redis")]
    with listener() as (host, port):
        reached = {
            name
            for name in python
            if not scene.site.execute(name, "python", "-c", CONNECT, host, str(port))[0]
        }
    require(reached == WITH_A_WAY_OUT, f"reached a server outside: {sorted(reached)}")
    for name in set(RUNNING) - WITH_A_WAY_OUT:
        _, routes = scene.site.execute(name, "cat", "/proc/net/route")
        default = [line for line in routes.splitlines()[1:] if line.split()[1] == "00000000"]
        require(not default, f"{name} has a route to everywhere: {default}")
    others = len(RUNNING) - len(reached)
    return (
        f"a server outside: reached by {' and '.join(sorted(reached))} alone; no route in {others}"
    )


def prefect_is_unreachable_from_outside(scene: Scene) -> str:
    site = scene.site
    for name in RUNNING:
        bound = site.inspect(name)["HostConfig"]["PortBindings"] or {}
        addresses = {entry["HostIp"] for entries in bound.values() for entry in entries or ()}
        require(not addresses or name == "web", f"{name} is published")
        require(addresses <= {"127.0.0.1"}, f"{name} is published on {addresses}")
    inside = site.inspect("prefect")["NetworkSettings"]["Networks"]
    address = next(network["IPAddress"] for network in inside.values())
    code, said = site.engine.tried(
        "run", "--rm", "--network", f"{site.name}_outside",
        "localhost/plumbline-containers", "python", "-c", CONNECT, address, "4200",
    )  # fmt: skip
    require(code, f"a container of another network reached {address}:4200: {said}")
    ask = "import httpx; print(httpx.post('http://prefect:4200/api/flow_runs/filter').status_code)"
    code, said = site.execute("web", "python", "-c", ask)
    require(said.split()[-1:] == ["401"], f"without the password: {said}")
    return "not published, not reached from another network, 401 without its password"


def secrets_are_in_no_environment(scene: Scene) -> str:
    site = scene.site
    secrets = {file.name: file.read_text().strip() for file in (site.folder / "secrets").iterdir()}
    secrets.pop("email_url")
    for name in RUNNING:
        description = json.dumps(site.inspect(name))
        found = [secret for secret, value in secrets.items() if value in description]
        require(not found, f"{name}'s description has {found}")
        reads = "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done 2>/dev/null; true"
        _, said = site.execute(name, "sh", "-c", reads)
        found = [secret for secret, value in secrets.items() if value in said]
        given = SERVICES[name]["secrets"] if name in TAKE_NO_FILE else ()
        own = "\n".join(secrets[secret] for secret in given)  # a URL has its password in it
        found = [secret for secret in found if secrets[secret] not in own]
        require(not found, f"the environment of {name}'s processes has {found}")
    kept = " and ".join(sorted(TAKE_NO_FILE))
    return f"in no description of a container; in no process's environment but {kept}'s own"


def site_answers_to_its_name_alone(scene: Scene) -> str:
    def ask(path: str, **headers: str) -> httpx.Response:
        return httpx.get(
            scene.site.url + path, headers={"Host": HOST} | headers, trust_env=False, timeout=60
        )

    require(ask("/healthz").status_code == 200, "/healthz")
    require(ask("/").headers.get("Location") == f"https://{HOST}/", "no redirect to TLS")
    require(ask("/", Host="elsewhere.example.org").status_code == 400, "another name")
    return "/healthz 200, HTTP is sent to HTTPS, another name is refused"


# --- What happens to it -------------------------------------------------------------------------


def killed(name: str) -> Callable[[Scene], str]:
    """End one container in the middle of predictions; it starts again, and nothing is lost."""

    def kill(scene: Scene) -> str:
        accepted = len(scene.crowd.submissions)
        with scene.crowd.submitting():
            time.sleep(2)
            before = scene.site.state(name)["Pid"]
            scene.site.kill(name)
            began = time.monotonic()
            while scene.site.state(name).get("Pid") in (before, 0, None):
                require(time.monotonic() - began < 60, f"{name} was not started again")
                time.sleep(0.2)
            scene.site.wait_until_healthy(name)
            seconds = time.monotonic() - began
            time.sleep(2)
        told = nothing_is_lost(scene)
        sent = len(scene.crowd.submissions) - accepted
        return f"healthy after {seconds:.0f} s; {sent} forms meanwhile; {told}"

    return kill


def all_restarted(scene: Scene) -> str:
    scene.site.compose("stop", "--timeout", "40")
    scene.site.up()
    return predict_some(scene, 3)


def backed_up_and_restored(scene: Scene) -> str:
    site = scene.site
    folder = site.folder.parent / "backups"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    subprocess.run(["chown", "10001", folder], check=True)
    volumes = {str(folder): "/backups"}
    began = time.monotonic()
    site.one_off("deploy/backup.sh", volumes=volumes, BACKUP_DIR="/backups")
    backing = time.monotonic() - began
    (made,) = [path.name for path in folder.iterdir()]
    rows = site.query("SELECT count(*) FROM executions_execution")
    site.down()
    began = time.monotonic()
    site.up()
    site.compose("stop", "--timeout", "40", "web", "celery", "beat", "worker")
    site.one_off("python", "manage.py", "restore", f"/backups/{made}", "--replace", volumes=volumes)
    site.up()
    restoring = time.monotonic() - began
    require(site.query("SELECT count(*) FROM executions_execution") == rows, "rows are missing")
    nothing_is_lost(scene)
    predict_some(scene, 3)
    return (
        f"backup {backing:.0f} s; every volume removed; up again and restored after "
        f"{restoring:.0f} s with all {rows[0]} executions; predicts"
    )


ACTS: dict[str, Callable[[Scene], str]] = {
    "the images are built": builds,
    "docker-compose.yml comes up": comes_up,
    "sign in, publish, predict": signs_in_publishes_and_predicts,
    "read-only root": root_is_read_only,
    "no rights": has_no_rights,
    "limits": memory_and_processes_are_limited,
    "way out": only_two_have_a_way_out,
    "Prefect's API": prefect_is_unreachable_from_outside,
    "secrets": secrets_are_in_no_environment,
    "name and TLS": site_answers_to_its_name_alone,
    **{f"{name} is killed": killed(name) for name in RUNNING},
    "all stopped and started": all_restarted,
    "backup and restore": backed_up_and_restored,
}
