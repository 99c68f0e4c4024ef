"""The settings of the test suite: fast password hashing, mail in memory, and long timeouts for
servers on a busy machine."""

from config.settings import *  # noqa: F403
from tests.clocks import PATIENCE_SECONDS

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
LOGGING["root"]["level"] = "WARNING"  # type: ignore[index]  # noqa: F405
IS_DEMO = False  # else the first page of each minute asks for the invented past
WHITENOISE_AUTOREFRESH = True  # no scan of collected files at every start

FORM_WAIT_SECONDS = 0.0  # no worker answers but where a test says so

PREFECT_TIMEOUT_SECONDS = PATIENCE_SECONDS
EMAIL_TIMEOUT = S3_CONNECT_TIMEOUT_SECONDS = S3_READ_TIMEOUT_SECONDS = int(PATIENCE_SECONDS)
CELERY_BROKER_TRANSPORT_OPTIONS |= {  # noqa: F405
    "socket_connect_timeout": int(PATIENCE_SECONDS),
    "socket_timeout": int(PATIENCE_SECONDS),
}
DATABASES["default"]["OPTIONS"] |= {  # noqa: F405
    "connect_timeout": PATIENCE_SECONDS,
    "options": f"-c statement_timeout={PATIENCE_SECONDS}s",
}
DATABASES["default"]["OPTIONS"]["pool"]["timeout"] = PATIENCE_SECONDS  # noqa: F405
