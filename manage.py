#!/usr/bin/env python
"""Django's command line; `up`, `down`, `status` and `--version` need no setting."""

import os
import sys


def main() -> None:
    if sys.argv[1:] in (["--version"], ["version"]):
        from config.version import VERSION

        print(f"Plumbline {VERSION}")
        return
    if len(sys.argv) > 1 and sys.argv[1] in {"up", "down", "status"}:
        from config.stack.main import main as stack

        sys.exit(stack(sys.argv[1:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
