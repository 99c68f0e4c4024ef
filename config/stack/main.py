"""`manage.py up`, `down` and `status`: the command line of the stack, without any setting."""

import argparse
import errno
import os
import sys

from config.stack import environment as env
from config.stack.errors import StackError
from config.stack.start import up, up_detached
from config.stack.status import status
from config.stack.stop import down

# The switches of `up`.
FLAGS = {
    "detach": "return once it is ready",
    "quiet": "leave the lines of the parts to their logs",
}


def main(argv: list[str]) -> int:
    """Run `up`, `down` or `status`; returns the exit code. Prints a sentence on errors, never a
    traceback."""
    parser = argparse.ArgumentParser(prog="manage.py")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start the whole product on embedded servers")
    starting.add_argument("part", nargs="*", help="only these parts of it (see status)")
    for name, meaning in FLAGS.items():
        starting.add_argument(f"--{name}", action="store_true", help=meaning)
    commands.add_parser("down", help="stop it")
    commands.add_parser("status", help="show each part, its address and its health")
    arguments = parser.parse_args(argv)
    folder = env.folder_from(os.environ)
    try:
        if arguments.command == "down":
            return down(folder)
        if arguments.command == "status":
            return status(folder)
        if arguments.detach:
            return up_detached(folder, arguments.part)
        return up(folder, arguments.part, quiet=arguments.quiet)
    except StackError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        full = " Free some space and start again." if error.errno == errno.ENOSPC else ""
        print(f"The stack stopped: {error.strerror}{where}.{full}", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    return 1
