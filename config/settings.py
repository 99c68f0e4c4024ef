"""Every setting of the product, in sections. What differs between installations comes from the
environment; `.env.example` explains each variable."""

import os
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import variables
from config.variables import read

BASE_DIR = Path(__file__).resolve().parent.parent
STACK_DIR = Path(os.environ.get("STACK_DIR", BASE_DIR / ".stack"))

variables.take_from_stack(STACK_DIR)

# --- The site --------------------------------------------------------------------------------
SITE_NAME: str = read("str", "SITE_NAME", "Plumbline")
SITE_URL: str = read("str", "SITE_URL", "http://127.0.0.1:8000").rstrip("/")
IS_PRODUCTION: bool = read("bool", "PRODUCTION", False)
IS_DEMO: bool = read("bool", "DEMO", False)
HAS_DEMO_PAST: bool = read("bool", "DEMO_PAST", True)
DEMO_PASSWORD: str = read("str", "DEMO_PASSWORD", "")
SUPPORT_EMAIL: str = read("str", "SUPPORT_EMAIL", "support@example.com")
METRICS_TOKEN: str = read("str", "METRICS_TOKEN", "")

# --- Django ----------------------------------------------------------------------------------
SECRET_KEY: str = read("str", "SECRET_KEY")
DEBUG: bool = read("bool", "DEBUG", False)
ALLOWED_HOSTS: list[str] = read("list", "ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = read("list", "CSRF_TRUSTED_ORIGINS", [])
TRUSTED_PROXIES: int = read("int", "TRUSTED_PROXIES", 0)

INSTALLED_APPS = [
    "accounts",
    "notifications",
    "models_registry",
    "executions",
    "presets",
    "monitoring",
    "config",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "storages",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.web.compression.PageCompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.logging.RequestIdMiddleware",
    "config.web.programs.ProgramsMiddleware",
    "config.web.bodies.RefusalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SignedInMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "notifications.middleware.NewsMiddleware",
    "accounts.middleware.PersonMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionSeenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.web.context_processors.site",
            ],
            "builtins": ["config.web.template_filters"],
        },
    }
]

# --- PostgreSQL, the only authoritative store ------------------------------------------------
DATABASES = {"default": read("dj_db_url", "DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 0,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),  # ?sslmode=verify-full and the like
        "pool": {"min_size": 1, "max_size": read("int", "DATABASE_POOL_SIZE", 8), "timeout": 3},
        "connect_timeout": 3,
        "options": f"-c statement_timeout={read('int', 'DATABASE_STATEMENT_TIMEOUT_MS', 5000)}",
    },
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",  # Redis may be away
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},  # a full cache drops the last heartbeats of workers
    }
}

# --- Celery and Redis: hints only ------------------------------------------------------------
# Which tasks go last, and which run when, is in `config/celery.py`.
REDIS_URL: str = read("str", "REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "max_retries": 0,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 20
CELERY_TASK_TIME_LIMIT = 30
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SYNC_EVERY = 1  # so that the age of its file tells whether beat lives

# --- Prefect, the engine ---------------------------------------------------------------------
PREFECT_API_URL: str = read("str", "PREFECT_API_URL")
PREFECT_API_AUTH_STRING: str = read("str", "PREFECT_API_AUTH_STRING", "")
PREFECT_UI_URL: str = (
    read("str", "PREFECT_UI_URL", "") or PREFECT_API_URL.rstrip("/").removesuffix("/api")
).rstrip("/")
PREFECT_WORK_POOL: str = read("str", "PREFECT_WORK_POOL", "predictions")
PREFECT_TIMEOUT_SECONDS = 5.0
PREFECT_MAX_PARAMETER_BYTES = 400_000  # Prefect refuses more than 524,288

# --- Artifacts -------------------------------------------------------------------------------
AWS_S3_ENDPOINT_URL: str | None = read("str", "AWS_S3_ENDPOINT_URL", None) or None
# Without keys, boto3 looks for a profile, a container's or a machine's role.
AWS_ACCESS_KEY_ID: str | None = read("str", "AWS_ACCESS_KEY_ID", None) or None
AWS_SECRET_ACCESS_KEY: str | None = read("str", "AWS_SECRET_ACCESS_KEY", None) or None
AWS_STORAGE_BUCKET_NAME: str = read("str", "AWS_STORAGE_BUCKET_NAME", "models")
AWS_S3_REGION_NAME: str = read("str", "AWS_S3_REGION_NAME", "us-east-1")
AWS_S3_ADDRESSING_STYLE: str = read("str", "AWS_S3_ADDRESSING_STYLE", "path")
AWS_DEFAULT_ACL = None
AWS_QUERYSTRING_AUTH = True
AWS_S3_FILE_OVERWRITE = True  # our keys are digests; existence is checked before a put
S3_CONNECT_TIMEOUT_SECONDS = 2
S3_READ_TIMEOUT_SECONDS = 10
S3_TRIES = 3
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "artifacts": {"BACKEND": "models_registry.store.storage.ArtifactStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
ARTIFACT_CACHE_DIR = Path(read("str", "ARTIFACT_CACHE_DIR", str(STACK_DIR / "artifacts")))
ARTIFACT_CACHE_BYTES: int = read("int", "ARTIFACT_CACHE_BYTES", 4 * 1024**3)
RUNTIMES_DIR = Path(read("str", "RUNTIMES_DIR", str(STACK_DIR / "runtimes")))
ARTIFACT_MAX_BYTES: int = read("int", "ARTIFACT_MAX_BYTES", 512 * 1024**2)

# --- The model host and the resident worker --------------------------------------------------
WORKER_SLOTS: int = read("int", "WORKER_SLOTS", os.cpu_count() or 2)
BATCH_SLOTS: int = read("int", "BATCH_SLOTS", 1)
MODEL_HOST_MAX_CHILDREN: int = read("int", "MODEL_HOST_MAX_CHILDREN", 8)
MODEL_HOST_MAX_BYTES: int = read("int", "MODEL_HOST_MAX_BYTES", 4 * 1024**3)
MODEL_HOST_MEMORY_BYTES: int = read("int", "MODEL_HOST_MEMORY_BYTES", 2 * 1024**3)
RUNTIMES_AT_ONCE: int = read("int", "RUNTIMES_AT_ONCE", 2)
RUNTIME_IDLE_SECONDS: int = read("int", "RUNTIME_IDLE_SECONDS", 900)
ONE_CHILD_PER_PREDICTION: bool = read("bool", "ONE_CHILD_PER_PREDICTION", False)
ALLOW_UNSANDBOXED_MODELS: bool = read("bool", "ALLOW_UNSANDBOXED_MODELS", False)
REQUIRE_ROLLBACK_REASON: bool = read("bool", "REQUIRE_ROLLBACK_REASON", False)
BOOSTERS_ALLOWED: bool = read("bool", "BOOSTERS_ALLOWED", False)

# --- Limits of an execution ------------------------------------------------------------------
LOAD_SECONDS = 30.0
PREDICT_SECONDS = 10.0
SLOW_SECONDS = 3.0
QUEUE_DEADLINE = timedelta(minutes=15)
LEASE = timedelta(seconds=30)
LEASE_RENEWAL = timedelta(seconds=10)
MAX_ATTEMPTS = 3
PREDICTIONS_PER_MINUTE: int = read("int", "PREDICTIONS_PER_MINUTE", 30)
API_REQUESTS_PER_MINUTE: int = read("int", "API_REQUESTS_PER_MINUTE", 600)
API_MAX_ROWS = 1_000  # of one request
UPLOADS_PER_HOUR: int = read("int", "UPLOADS_PER_HOUR", 10)
MAX_QUEUED_PER_USER: int = read("int", "MAX_QUEUED_PER_USER", 500)
MAX_QUEUED: int = read("int", "MAX_QUEUED", 5000)
BATCH_MAX_ROWS: int = read("int", "BATCH_MAX_ROWS", 100_000)
BATCH_MAX_BYTES: int = read("int", "BATCH_MAX_BYTES", 50 * 1024**2)
BATCHES_PER_PERSON: int = read("int", "BATCHES_PER_PERSON", 3)
ROWS_FILE_KEPT = timedelta(hours=24)  # a file with rows, from its upload on
ROWS_FILES_PER_PERSON = 5  # a further one takes the place of the oldest
ROWS_FILES_PER_MINUTE = 10
BATCH_CHUNK_ROWS = 2_000
BATCH_CHUNK_BYTES = 2 * 1024**2  # of its values; the model host takes 16 MB in one request
BATCH_DEADLINE = timedelta(days=1)  # a batch may wait for others
FORM_CHECKS_PER_MINUTE = 120  # of one person who fills in a form
FORM_WAIT_SECONDS = 0.25  # of a form's own answer for the result, which is mostly there by then
EXPORTS_PER_MINUTE = 10
EXPORT_MAX_ROWS = 100_000
REPLAYS_PER_MINUTE = 3  # of one admin
REPLAY_KEPT = timedelta(days=read("int", "REPLAY_KEPT_DAYS", 90))
DIAGNOSTICS_KEPT = timedelta(days=read("int", "DIAGNOSTICS_KEPT_DAYS", 90))  # of tests
FLOW_RUNS_KEPT = timedelta(days=read("int", "FLOW_RUNS_KEPT_DAYS", 30))  # in Prefect
DELETED_KEPT = timedelta(days=30)  # how long a deleted prediction can be restored
MAX_FEATURES = 2000
TEXT_MAX_CHARACTERS: int = read("int", "TEXT_MAX_CHARACTERS", 10_000)  # of one text input
MAX_PRESETS_PER_MODEL = 50  # of one person

# --- People ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "accounts.models.PasswordLengthValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "executions:home"
LOGOUT_REDIRECT_URL = "account_login"
REQUIRE_EMAIL_CONFIRMATION: bool = read("bool", "REQUIRE_EMAIL_CONFIRMATION", True)
PASSWORD_SIGN_IN: bool = read("bool", "PASSWORD_SIGN_IN", True)
_registration = "invited" if IS_PRODUCTION else "open"
if not PASSWORD_SIGN_IN:
    _registration = "closed"
REGISTRATION: str = read("str", "REGISTRATION", _registration)
REGISTRATION_DOMAINS: list[str] = [
    domain.strip().lower().removeprefix("@")
    for domain in read("list", "REGISTRATION_DOMAINS", [])
    if domain.strip()
]
variables.check_registration(
    REGISTRATION, REGISTRATION_DOMAINS, is_confirmed=REQUIRE_EMAIL_CONFIRMATION
)

# Single sign-on by OpenID Connect, which is on where OIDC_ISSUER is set.
OIDC_ISSUER: str = read("str", "OIDC_ISSUER", "").rstrip("/")
OIDC_CLIENT_ID: str = read("str", "OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET: str = read("str", "OIDC_CLIENT_SECRET", "")
OIDC_NAME: str = read("str", "OIDC_NAME", "your company account")
OIDC_SCOPES: list[str] = read("list", "OIDC_SCOPES", ["openid", "profile", "email"])
OIDC_GROUPS_CLAIM: str = read("str", "OIDC_GROUPS_CLAIM", "groups")
OIDC_REQUIRED_GROUP: str = read("str", "OIDC_REQUIRED_GROUP", "")
OIDC_ADMIN_GROUP: str = read("str", "OIDC_ADMIN_GROUP", "")
OIDC_SUPERUSER_GROUP: str = read("str", "OIDC_SUPERUSER_GROUP", "")
OIDC_TRUST_EMAIL: bool = read("bool", "OIDC_TRUST_EMAIL", False)
OIDC_SESSION = timedelta(hours=12)  # after which the provider is asked again, for role and groups
if OIDC_ISSUER:
    variables.check_provider(
        OIDC_ISSUER,
        client_id=OIDC_CLIENT_ID,
        client_secret=OIDC_CLIENT_SECRET,
        name=OIDC_NAME,
        scopes=OIDC_SCOPES,
        groups_claim=OIDC_GROUPS_CLAIM,
    )
else:
    variables.check_no_provider(
        OIDC_CLIENT_ID=OIDC_CLIENT_ID,
        OIDC_CLIENT_SECRET=OIDC_CLIENT_SECRET,
        OIDC_REQUIRED_GROUP=OIDC_REQUIRED_GROUP,
        OIDC_ADMIN_GROUP=OIDC_ADMIN_GROUP,
        OIDC_SUPERUSER_GROUP=OIDC_SUPERUSER_GROUP,
        OIDC_TRUST_EMAIL=OIDC_TRUST_EMAIL,
    )
if not PASSWORD_SIGN_IN:
    variables.check_no_passwords(REGISTRATION, has_provider=bool(OIDC_ISSUER))
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.provider.ProviderAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"  # no account comes in with an address that is not proved
ACCOUNT_ADAPTER = "accounts.sign_in.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_FORMS = {
    "login": "accounts.sign_in.allauth_forms.LoginForm",
    "signup": "accounts.sign_in.allauth_forms.SignupForm",
    "add_email": "accounts.sign_in.allauth_forms.AddEmailForm",
    "reset_password": "accounts.sign_in.allauth_forms.ResetPasswordForm",
    "user_token": "accounts.sign_in.allauth_forms.UserTokenForm",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if REQUIRE_EMAIL_CONFIRMATION else "optional"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # control of the address is control of the account
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login_failed": "5/15m/key,20/15m/ip",
    "confirm_email": "1/m/key",
    "reset_mail": "5/h/key",  # our own limit: mails that anybody may request for an address
    "invitation": "60/m/ip",  # our own limit: links of invitations that are opened or accepted
    "single_sign_on": "60/m/ip",  # our own limit: each costs a request to the provider
}
PASSWORD_RESET_TIMEOUT = 60 * 60
INVITATION_VALID = timedelta(days=7)
INVITATION_KEPT = timedelta(days=90)  # after it ended, if nobody came
USERSESSIONS_ADAPTER = "accounts.sign_in.adapters.SessionsAdapter"
MFA_ADAPTER = "accounts.sign_in.adapters.SecondFactorAdapter"
MFA_TOTP_ISSUER = SITE_NAME
# Else nobody with a second factor could change their address. Where people sign in unconfirmed,
# a person who registered with a stranger's address must not lock its owner out.
MFA_ALLOW_UNVERIFIED_EMAIL = REQUIRE_EMAIL_CONFIRMATION
REQUIRE_ADMIN_SECOND_FACTOR: bool = read("bool", "REQUIRE_ADMIN_SECOND_FACTOR", False)
ACCOUNT_CLOSING = timedelta(days=30)
ACTIVITY_ADDRESS_KEPT = timedelta(days=90)
ACTIVITY_KEPT = timedelta(days=730)

SESSION_ENGINE = "accounts.sign_in.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    # Asked from inside, without TLS.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # above a form's, which reports the error itself
FILE_UPLOAD_HANDLERS = [
    "models_registry.store.uploads.SizeLimitHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- Mail ------------------------------------------------------------------------------------
_mail = read("dj_email_url", "EMAIL_URL", "console:")
if "EMAIL_BACKEND" not in _mail:
    raise ImproperlyConfigured(
        "EMAIL_URL begins with no known word: expected submission:// (STARTTLS), smtp://, "
        "smtp://…?ssl=true, file:// or console:. See .env.example."
    )
EMAIL_BACKEND = "notifications.mail.outbox.OutboxBackend"
MAIL_TRANSPORT: str = _mail["EMAIL_BACKEND"]
MAIL_IS_DELIVERED: bool = MAIL_TRANSPORT.endswith(".smtp.EmailBackend")
# The path of file:///folder, whose first stroke the parser takes for the host's.
EMAIL_FILE_PATH = f"/{path}" if (path := _mail.get("EMAIL_FILE_PATH")) else None
EMAIL_HOST, EMAIL_PORT = _mail.get("EMAIL_HOST", ""), _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
MAIL_KEPT = timedelta(days=90)
DEFAULT_FROM_EMAIL: str = read("str", "DEFAULT_FROM_EMAIL", f"{SITE_NAME} <noreply@example.com>")

# --- Time, language, static files ------------------------------------------------------------
TIME_ZONE = "UTC"
SITE_TIME_ZONE: str = read("str", "SITE_TIME_ZONE", "UTC")
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]  # what Django and allauth say, in our words
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- Logging ---------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "config.logging.ContextFilter"}},
    "formatters": {
        "lines": {
            "()": "config.logging.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s%(context)s",
        },
        "json": {"()": "config.logging.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["context"],
            "formatter": "json" if IS_PRODUCTION else "lines",
        }
    },
    "root": {"handlers": ["console"], "level": read("str", "LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},  # its progress, and fonts being cut to size
        "fontTools": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
    },
}
