"""The settings that the type checker reads: the product's, with stand-ins for every secret."""

import os

for name, value in {
    "SECRET_KEY": "types",
    "DATABASE_URL": "postgresql://types@127.0.0.1/types",
    "REDIS_URL": "redis://127.0.0.1/0",
    "PREFECT_API_URL": "http://127.0.0.1/api",
}.items():
    os.environ.setdefault(name, value)

from config.settings import *  # noqa: E402, F403

DATABASES["default"]["OPTIONS"].pop("pool")  # noqa: F405 - nobody waits for a stand-in
