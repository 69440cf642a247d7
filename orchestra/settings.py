"""Django settings: one file, read through `env`, the same for development, tests and production.

Refuses to start in debug mode on a public host name, or without a secret key outside debug mode.
"""

from __future__ import annotations

from pathlib import Path

from redis.backoff import NoBackoff
from redis.retry import Retry

from orchestra import env

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = Path(env.text("ORCHESTRA_LOCAL", str(BASE_DIR / ".local")))
env.read_local(LOCAL_DIR)

DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", "testserver"}
if DEBUG and not set(ALLOWED_HOSTS) <= LOCAL_HOSTS:
    raise env.Misconfigured("DEBUG shows secrets in error pages: allow it only with local ALLOWED_HOSTS.")
PUBLIC = not set(ALLOWED_HOSTS) <= LOCAL_HOSTS
SECRET_KEY = env.text("SECRET_KEY", None if PUBLIC else "only-for-this-machine-" + "0" * 40)

INSTALLED_APPS = [
    "orchestra",
    "reviews",
    "guardian",
    "django_rq",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "django.contrib.humanize",
    "orchestra.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "orchestra.views.tracing.RequestTrace",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orchestra.api.border.Border",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "orchestra.views.sites.OwnSite",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "orchestra.views.sessions.IdleEnd",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "orchestra.views.problems.Problems",
]
ROOT_URLCONF = "orchestra.urls"
WSGI_APPLICATION = "orchestra.wsgi.application"
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
                "orchestra.views.frame.frame",
                "reviews.views.bar.bar",
                "reviews.views.undo.undo",
            ],
        },
    },
]

# --- Databases: the app role works, the owner migrates, the direct session carries advisory locks.
UNSET_DATABASE = "postgresql://orchestra_app@127.0.0.1:1/orchestra"
_app = env.database("DATABASE_URL", UNSET_DATABASE)
_direct = env.database("DATABASE_DIRECT_URL", env.text("DATABASE_URL", UNSET_DATABASE))
_owner = env.database("DATABASE_OWNER_URL", env.text("DATABASE_URL", UNSET_DATABASE))
DATABASE_POOL = env.whole("DATABASE_POOL", 8, least=2)
_app["OPTIONS"] = {
    "connect_timeout": 5,
    "application_name": "orchestra",
    **_app["OPTIONS"],  # type: ignore[dict-item]
    # Who waits for a server that is away tries anew after five seconds; the pool itself would wait ever longer.
    "pool": {"min_size": 0, "max_size": DATABASE_POOL, "timeout": 5, "max_idle": 60, "reconnect_timeout": 3},
}
for _other in (_direct, _owner):
    _other["TEST"] = {"MIRROR": "default"}
    _other["OPTIONS"] = {"connect_timeout": 5, **_other["OPTIONS"]}  # type: ignore[dict-item]
DATABASES = {"default": _app, "direct": _direct, "owner": _owner}
DATABASE_APP_ROLE = str(_app["USER"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis carries hints only: short time-outs, JSON, no results kept.
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:1/0")
HINT_QUEUE = "runs"
RQ_QUEUES = {
    HINT_QUEUE: {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": 60,
        "DEFAULT_RESULT_TTL": 0,
        "REDIS_CLIENT_KWARGS": {
            "socket_connect_timeout": 0.5,
            "socket_timeout": 1.0,
            "retry": Retry(NoBackoff(), 0),  # nobody waits for a hint
        },
    },
}

# --- Accounts.
AUTH_USER_MODEL = "orchestra.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "reviews:queue"
CSRF_FAILURE_VIEW = "orchestra.views.problems.csrf"
ACCOUNT_ADAPTER = "orchestra.views.accounts.Accounts"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
MFA_ADAPTER = "orchestra.views.accounts.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Orchestra"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC  # browsers call http://localhost a secure place all the same

# --- An identity provider (OpenID Connect), if there is one. It vouches for people; it makes no accounts.
OIDC_ISSUER = env.text("OIDC_ISSUER", "").rstrip("/")
OIDC_MATCH_EMAIL = env.flag("OIDC_MATCH_EMAIL", default=True)
OIDC_ALLOW = env.words("OIDC_ALLOW")
OIDC_TIMEOUT = env.number("OIDC_TIMEOUT", 10, least=0.1)
OIDC_ORIGINS = [env.origin("OIDC_ISSUER", OIDC_ISSUER), *env.words("OIDC_ORIGINS")] if OIDC_ISSUER else []
SOCIALACCOUNT_ADAPTER = "orchestra.views.identities.Identities"
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": env.text("OIDC_NAME", "your organisation"),
                    "client_id": env.text("OIDC_CLIENT_ID"),
                    "secret": env.text("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_ISSUER},
                }
            ],
        }
    }
    if OIDC_ISSUER
    else {}
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- The engine's times, in seconds. All are compared with the database's clock.
LEASE = env.number("ORCHESTRA_LEASE", 30, least=0.5)
HEARTBEAT = env.number("ORCHESTRA_HEARTBEAT", 1, least=0.05)
SWEEP = env.number("ORCHESTRA_SWEEP", 0.5, least=0.05)
SESSION_GRACE = env.number("ORCHESTRA_SESSION_GRACE", 2.5, least=0.1)
POLL_SLOW = env.number("ORCHESTRA_POLL_SLOW", 1, least=0.01)
POLL_FAST = env.number("ORCHESTRA_POLL_FAST", 0.1, least=0.01)
SEND_WINDOW = env.number("ORCHESTRA_SEND_WINDOW", 10, least=0.1)
DRAIN = env.number("ORCHESTRA_DRAIN", 8, least=0)
SLOTS = env.whole("ORCHESTRA_SLOTS", 100, least=1)
HANDS = env.whole("ORCHESTRA_HANDS", 128, least=1)
TAKEOVERS = env.whole("ORCHESTRA_TAKEOVERS", 3, least=1)
WEBHOOK_ALLOW = env.words("ORCHESTRA_WEBHOOK_ALLOW")
WEBHOOK_SENDERS = env.whole("ORCHESTRA_WEBHOOK_SENDERS", 16, least=1)
WEBHOOK_TIMEOUT = env.number("ORCHESTRA_WEBHOOK_TIMEOUT", 15, least=0.1)
WEBHOOK_POLL = env.number("ORCHESTRA_WEBHOOK_POLL", 1, least=0.01)
WEBHOOK_PAUSE = env.number("ORCHESTRA_WEBHOOK_PAUSE", 10, least=0)
KEEP_MESSAGES = env.number("ORCHESTRA_KEEP_MESSAGES", 30, least=7)
STEP_FUNCTIONS = env.words("ORCHESTRA_STEP_FUNCTIONS", "examples.steps")
SEAL_KEY = env.text("ORCHESTRA_SEAL_KEY", "")

# --- How many requests to the API come in a minute: of one holder of tokens, and of one address without a living token.
RATE = env.whole("ORCHESTRA_RATE", 3_000, least=1)
RATE_STRANGERS = env.whole("ORCHESTRA_RATE_STRANGERS", 60, least=1)

# --- Browser security.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("SECURE_COOKIES", default=PUBLIC)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = env.whole("SESSION_AGE", 12 * 3600, least=60)
SESSION_IDLE = env.whole("SESSION_IDLE", 2 * 3600)
if SESSION_COOKIE_SECURE:  # such cookies belong to this very host, and no neighbour can set them
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=PUBLIC)
SECURE_HSTS_SECONDS = env.whole("SECURE_HSTS_SECONDS", 31_536_000 if PUBLIC else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PUBLIC
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if env.flag("TRUST_PROXY", default=False):
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *OIDC_ORIGINS],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Pages and files.
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i:s"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(LOCAL_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PUBLIC
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or not PUBLIC
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

METRICS_TOKEN = env.text("METRICS_TOKEN", "")
LOG_LEVEL = env.text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "orchestra.logs.LineFormatter"}},
    "filters": {"context": {"()": "orchestra.logs.ContextFilter"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["context"]}},
    "root": {"handlers": ["out"], "level": "WARNING"},
    "loggers": {
        "orchestra": {"level": LOG_LEVEL},
        "rq.worker": {"level": "WARNING"},
        "django": {"handlers": [], "level": "INFO"},
        "django.request": {"level": "ERROR"},  # our middleware logs every request, with its id
        "django.server": {"level": "WARNING"},
    },
}
