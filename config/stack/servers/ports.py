"""Free ports on the loopback interface."""

import ipaddress
import random
import socket

from config.stack.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the range from which the kernel takes the ports of outgoing connections, so that none of
# those can take a port between its choice and the server's start.
CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def listening(name: str, text: str) -> str:
    """Return the address that the variable `name` holds; StackError where it is none."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise StackError(
            f"{name} is {text!r}: expected an address of this machine, such as 127.0.0.1, or "
            "0.0.0.0 for all of them."
        ) from None


def choose(*preferred: int | None, taken: set[int]) -> int:
    """Choose the first preferred port that is free and not `taken`, else any other; add it to
    `taken`."""
    candidates = [port for port in preferred if port]
    candidates += random.sample(CANDIDATES, 200)
    for port in candidates:
        if port not in taken and is_free(port):
            taken.add(port)
            return port
    raise StackError("No free port was found between 20000 and 32000 on 127.0.0.1.")


def fixed(name: str, text: str) -> int:
    """Return the port a person fixed in the variable `name`; StackError where it cannot be had."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise StackError(f"{name} is {text!r}: expected a port between 1 and 65535.")
    if not is_free(int(text)):
        raise StackError(
            f"Port {text} ({name}) is in use by another process: stop that one, "
            f"or start with another {name}, or without it to have a free port chosen."
        )
    return int(text)
