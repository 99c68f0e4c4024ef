"""The process that runs Django commands one after the other: importing the product takes seconds.

python -m config.stack.commands "migrate --no-input" "?prefect" "-a_command_that_may_fail"

A line with a question mark waits until that part of the stack is healthy. The process that waits
has imported the product by then, so that nobody waits for that.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable

from config.stack.errors import NotHealthyError, StackError
from config.stack.processes import check_worker
from config.stack.servers import prefect

TICK_SECONDS = 0.1
CHECKS: dict[str, Callable[[], None]] = {
    "prefect": lambda: prefect.check(os.environ["PREFECT_API_URL"]),
    "worker": lambda: check_worker(os.environ["REDIS_URL"], opens_models=True),
}


def wait_for(part: str) -> None:
    """Return once a part is healthy; whoever started this process ends it when it takes too
    long."""
    while True:
        try:
            return CHECKS[part]()
        except NotHealthyError:
            time.sleep(TICK_SECONDS)


def main(lines: list[str]) -> None:
    """Run each line; StackError with the command's own message if one fails that may not."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    for line in lines:
        if line.startswith("?"):
            wait_for(line.removeprefix("?"))
            continue
        may_fail = line.startswith("-")
        name, *arguments = shlex.split(line.removeprefix("-"))
        try:
            call_command(name, *arguments)
        except (CommandError, SystemExit) as error:
            if may_fail:
                print(f"{name}: {error}")
            elif isinstance(error, CommandError) or error.code:
                raise StackError(f"{name}: {error}") from None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StackError as error:
        sys.exit(str(error))
    # Python would first free one by one what it imported, which takes a third of a second.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
