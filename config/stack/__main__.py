"""`python -m config.stack up`: the same as `manage.py up`."""

import sys

from config.stack.main import main

sys.exit(main(sys.argv[1:]))
