"""The entry point of ``python -m flows.worker``."""

from flows.worker.worker import main

if __name__ == "__main__":
    main()
