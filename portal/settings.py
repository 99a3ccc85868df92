"""Settings, read once from the environment (and a `.env` file beside manage.py when there is one).

With nothing set, the portal runs on one machine: SQLite and an embedded broker, all its data below `var/`.
DATABASE_URL and REDIS_URL move the same code to PostgreSQL and Redis.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF

from portal import broker, product, queues, schedule, secret_key
from portal.embedded.socket_path import socket_path

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VERSION = (BASE_DIR / "portal" / "VERSION").read_text().strip()
VAR_ROOT = Path(env.str("PORTAL_VAR", default=str(BASE_DIR / "var")))
PRIVATE_ROOT = Path(env.str("PRIVATE_ROOT", default=str(VAR_ROOT / "private")))

# --- who may call ------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key.read_or_create(VAR_ROOT / "secret.key")
# Earlier keys: they open what was encrypted and signed with them, and encrypt and sign nothing new.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# HTTPS=1 where a TLS proxy stands in front; off on a single machine that is reached as http://127.0.0.1.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Counted from the sign-in: accounts/idle.py. Somebody who does nothing is signed out sooner, 0: never for that.
IDLE_SECONDS = env.int("IDLE_MINUTES", default=15) * 60
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- parts -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal",
    "orders",
    "delivery",
    "dicomweb",
    "network",
    "fhir",
    "diagnosis",
    "accounts",
    "audit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "simple_history",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.idle.IdleMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.sessions.SeenMiddleware",
    "accounts.middleware.MembershipMiddleware",
    "accounts.middleware.LocaleMiddleware",
    "audit.middleware.AuditMiddleware",
    "diagnosis.api.deprecations.DeprecationMiddleware",
    "portal.middleware.BodyLimitMiddleware",
    "accounts.middleware.NoStoreMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.gate.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
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
                "portal.context.portal",
            ],
        },
    }
]

# --- data --------------------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    # IMMEDIATE takes the write lock at BEGIN, so writers wait for each other instead of failing half-way.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL: a committed upload survives a power cut (WAL with NORMAL may lose the last commits).
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


def _database() -> dict[str, Any]:
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_ROOT / 'db.sqlite3'}")
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = SQLITE_OPTIONS
    else:
        config.update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
        # A page asks for few rows of many: to compile such a query takes longer than to run it, and PostgreSQL, which
        # takes it for a long one, would.
        config.setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
    return config


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default=f"unix://{socket_path(VAR_ROOT)}")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": broker.cache_url(REDIS_URL),
    }
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": PRIVATE_ROOT}},
    "private": {"BACKEND": "diagnosis.scans.storage.PrivateStorage", "OPTIONS": {"location": PRIVATE_ROOT}},
    "staticfiles": {"BACKEND": "portal.static_storage.StaticStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_ROOT / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]

# --- staff -------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "diagnosis:home"
LOGOUT_REDIRECT_URL = "portal:home"
ACCOUNT_ADAPTER = "accounts.adapter.StaffAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
# How many proxies stand in front and append to X-Forwarded-For; with 0 the header is not believed.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
# Failed sign-ins are counted by accounts/guesses.py. allauth counts a password as typed again by a signed-in person.
# A shift that begins at one address signs in within a minute; each sign-in costs half a second of one core.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "login": "120/m/ip"}
MFA_ADAPTER = "accounts.factor_adapter.FactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.factor_forms.CodeForm",
    "authenticate_webauthn": "accounts.factor_forms.PasskeyForm",
    "reauthenticate": "accounts.factor_forms.ConfirmCodeForm",
    "activate_totp": "accounts.factor_forms.AppForm",
    "add_webauthn": "accounts.factor_forms.NewPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = product.NAME
# A clock that is half a minute wrong still signs in.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Accounts are made by administrators: nobody can take one with an address that is not theirs.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Who may open the administration needs a second factor; clinics decide it for their roles themselves.
SECOND_FACTOR_FOR_ADMINISTRATION = env.bool("SECOND_FACTOR_FOR_ADMINISTRATION", default=False)
# Single sign-on by OpenID Connect; without an issuer there is none. See .env.example and accounts/openid/config.py.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_LABEL = env.str("OIDC_LABEL", default="")
OIDC_SCOPES = env.str("OIDC_SCOPES", default="") or "openid profile email"
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="") or "groups"
OIDC_ROLES = env.str("OIDC_ROLES", default="")
OIDC_NEW_ACCOUNTS = env.bool("OIDC_NEW_ACCOUNTS", default=False)
# A computer on a ward has many people: the provider's own session must not sign in whoever comes next.
OIDC_ASK_EACH_TIME = env.str("OIDC_ASK_EACH_TIME", default="1") != "0"
# Days: see accounts/arrivals.py, end_forgotten.
OIDC_GROUPS_LAST = env.int("OIDC_GROUPS_LAST", default=30)
OIDC_SECOND_FACTOR = env.str("OIDC_SECOND_FACTOR", default="")
API_TOKEN_LIFETIME = timedelta(days=env.int("API_TOKEN_DAYS", default=90))

# --- audit trail -------------------------------------------------------------------------------------------
# Outside the database. Whoever loses it can prove no older entry and no older seal of a report.
AUDIT_ROOT = Path(env.str("AUDIT_ROOT", default=str(VAR_ROOT / "audit")))
AUDIT_KEY = env.str("AUDIT_KEY", default="") or secret_key.read_or_create(AUDIT_ROOT / "audit.key")
# Makes the pseudonyms of exports without names. Whoever has it and the database knows whom they stand for.
PSEUDONYM_KEY = env.str("PSEUDONYM_KEY", default="") or secret_key.read_or_create(VAR_ROOT / "pseudonym.key")
# The ends of its chains also go to: HOST:PORT (UDP) or a socket such as /dev/log; a mail address, daily.
AUDIT_ANCHOR_SYSLOG = env.str("AUDIT_ANCHOR_SYSLOG", default="")
AUDIT_ANCHOR_MAIL = env.str("AUDIT_ANCHOR_MAIL", default="")

# --- backups -----------------------------------------------------------------------------------------------
# Where `manage.py backup` puts them, on another disk; set: one is made every day.
BACKUP_ROOT = Path(_root) if (_root := env.str("BACKUP_ROOT", default="")) else None
# Public keys (age1…) of those who can open them. Their secret keys are not on this machine.
BACKUP_RECIPIENTS = env.list("BACKUP_RECIPIENTS", default=[])
# How many are kept, 0: all; and the hour of the day (TIME_ZONE) from which the daily one is made.
BACKUP_KEEP = env.int("BACKUP_KEEP", default=30)
BACKUP_HOUR = env.int("BACKUP_HOUR", default=2)

# --- language, time, mail ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
# Sentences accented, longer and in brackets, to see what is not translated; `manage.py pseudo_locale` makes it.
PSEUDO_LOCALE = env.bool("PSEUDO_LOCALE", default=False)
if PSEUDO_LOCALE:
    LANGUAGES.append(("en-pseudo", "Pseudo"))
    LOCALE_PATHS.append(VAR_ROOT / "locale")
FORMAT_MODULE_PATH = ["portal.formats"]
# Numbers of records and sizes of images stand in attributes and addresses too; large counts ask for `intcomma`.
USE_THOUSAND_SEPARATOR = False
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True
# Where mails tell people to sign in; they hold no other word about a patient.
PUBLIC_URL = env.str("PUBLIC_URL", default="") or f"http://127.0.0.1:{env.int('PORT', default=8000)}/"
CONTACT_EMAIL = env.str("CONTACT_EMAIL", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="portal@localhost")
_mail = env.email_url("EMAIL_URL", default="consolemail://")
if not DEBUG and _mail["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend":
    _mail["EMAIL_BACKEND"] = "portal.mail.Nowhere"  # links that set a password do not belong in a log
vars().update(_mail)
EMAIL_TIMEOUT = 10

# --- uploads -----------------------------------------------------------------------------------------------
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_MEGABYTES", default=64) * 1024 * 1024
UPLOAD_MAX_PIXELS = env.int("UPLOAD_MAX_MEGAPIXELS", default=50) * 1_000_000
# "require": decode nothing where the host cannot contain an attacker; "best": as well as the host can.
DECODER_ISOLATION = env.str("DECODER_ISOLATION", default="best")
UPLOAD_DECODE_SECONDS = env.int("UPLOAD_DECODE_SECONDS", default=10)
# Of a zip archive: its bytes, its entries, and the bytes of all its files together. A patient's CD holds 700 MB.
UPLOAD_MAX_ARCHIVE_BYTES = env.int("UPLOAD_MAX_ARCHIVE_MEGABYTES", default=1024) * 1024 * 1024
UPLOAD_MAX_ARCHIVE_ENTRIES = env.int("UPLOAD_MAX_ARCHIVE_ENTRIES", default=5000)
UPLOAD_MAX_UNPACKED_BYTES = env.int("UPLOAD_MAX_UNPACKED_MEGABYTES", default=4096) * 1024 * 1024
# Uploads that one person, and the people of one clinic, may send at the same time to one web process (of two).
UPLOADS_PER_PERSON = env.int("UPLOADS_PER_PERSON", default=8)
UPLOADS_PER_CLINIC = env.int("UPLOADS_PER_CLINIC", default=32)
# Threads of a web process that work on uploads; one person never has all of them. Pages have others.
UPLOAD_THREADS = env.int("UPLOAD_THREADS", default=3)
# Of everything but uploads and a letterhead's logo, see portal/bodies.py: parsing a form takes up to ninety times its
# bytes. Files in a form do not count here, and the API reads its JSON uploads as a stream.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
# A request up to this size is kept in memory while it arrives; the files of a larger one are written to disk.
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "diagnosis.scans.incoming.DiskUploadHandler",
]

# --- DICOM network ------------------------------------------------------------------------------------------
# The port on which `manage.py listen_dicom` receives images, 0: none. Other machines reach it where DICOM_HOST lets
# them; who may send is listed under Administration.
DICOM_PORT = env.int("DICOM_PORT", default=0)
DICOM_HOST = env.str("DICOM_HOST", default="127.0.0.1")
DICOM_AE_TITLE = env.str("DICOM_AE_TITLE", default="PORTAL")
# PEM files; with a certificate every association is encrypted.
DICOM_TLS_CERTIFICATE = env.str("DICOM_TLS_CERTIFICATE", default="")
DICOM_TLS_KEY = env.str("DICOM_TLS_KEY", default="")
# Associations at once, instances a minute of one sender, and seconds for which a peer may be silent.
DICOM_ASSOCIATIONS = env.int("DICOM_ASSOCIATIONS", default=10)
DICOM_INSTANCES_PER_MINUTE = env.int("DICOM_INSTANCES_PER_MINUTE", default=6000)
DICOM_TIMEOUT_SECONDS = env.float("DICOM_TIMEOUT_SECONDS", default=30)
# The address of the viewer of OHIF, which reads the portal by DICOMweb. Empty: studies have no link to it.
OHIF_URL = env.str("OHIF_URL", default="")
# The bytes of a rejected study are deleted so many days after the decision; 0: they are kept.
DICOM_REJECTED_DAYS = env.int("DICOM_REJECTED_DAYS", default=365)
# Whether programs may send images over DICOMweb (STOW-RS), with a token.
DICOMWEB_STORE = env.bool("DICOMWEB_STORE", default=False)
# How many times an hour each archive is asked for earlier studies of patients whose study came in, 0: never. Which ones
# are asked is said under Administration.
PRIORS_PER_HOUR = env.int("PRIORS_PER_HOUR", default=0)
RECEIVES_DICOM = bool(DICOM_PORT) or DICOMWEB_STORE or PRIORS_PER_HOUR > 0
# What the data sets of all associations that are on their way may take of the listener's memory.
DICOM_MEMORY_MEGABYTES = env.int("DICOM_MEMORY_MEGABYTES", default=512)
# How often what was received, and no worker was told of, is looked for.
DICOM_SORT_SECONDS = env.int("DICOM_SORT_SECONDS", default=15)
# --- deliveries ---------------------------------------------------------------------------------------------
# How often what waits in the outbox is looked for, beside the message that each new one sends.
DELIVERY_SWEEP_SECONDS = env.int("DELIVERY_SWEEP_SECONDS", default=15)
# For how long a receiver may be silent before a try ends.
DELIVERY_TIMEOUT_SECONDS = env.float("DELIVERY_TIMEOUT_SECONDS", default=10)
# PEM file of the authority that signed the receivers' certificates; empty: those that this machine trusts.
DELIVERY_TLS_CA = env.str("DELIVERY_TLS_CA", default="")
# What has waited for longer is shown as overdue; it is tried all the same.
DELIVERY_OVERDUE = timedelta(minutes=env.int("DELIVERY_OVERDUE_MINUTES", default=60))
# Webhooks go to public addresses alone, and to networks that are named here, such as 10.1.2.0/24; without TLS to
# loopback addresses alone, where those are named.
WEBHOOK_NETWORKS = env.list("WEBHOOK_NETWORKS", default=[])

# --- HL7 ---------------------------------------------------------------------------------------------------
# The port on which `manage.py listen_hl7` receives orders and patients, 0: none. Others reach it where MLLP_HOST
# lets them; who may send is listed under Administration. MLLP_APPLICATION is what MSH-5 calls this portal.
MLLP_PORT = env.int("MLLP_PORT", default=0)
MLLP_HOST = env.str("MLLP_HOST", default="127.0.0.1")
MLLP_APPLICATION = env.str("MLLP_APPLICATION", default="PORTAL")
# PEM files; with a certificate every connection is encrypted.
MLLP_TLS_CERTIFICATE = env.str("MLLP_TLS_CERTIFICATE", default="")
MLLP_TLS_KEY = env.str("MLLP_TLS_KEY", default="")
# Connections at once, messages a minute of one sender, bytes of one message, seconds for which a peer may be silent.
MLLP_CONNECTIONS = env.int("MLLP_CONNECTIONS", default=16)
MLLP_MESSAGES_PER_MINUTE = env.int("MLLP_MESSAGES_PER_MINUTE", default=600)
MLLP_MAX_BYTES = env.int("MLLP_MAX_BYTES", default=1048576)
MLLP_TIMEOUT_SECONDS = env.float("MLLP_TIMEOUT_SECONDS", default=300)
# What a message said is deleted so many days after it came, 0: it is kept. That it came, and its answer, stay.
MLLP_BODY_DAYS = env.int("MLLP_BODY_DAYS", default=90)

# How often the worklists of ordering systems are asked, 0: never.
WORKLIST_SECONDS = env.int("WORKLIST_SECONDS", default=300)

# --- analyses ----------------------------------------------------------------------------------------------
ML_WEIGHTS_ROOT = Path(env.str("ML_WEIGHTS_ROOT", default=str(BASE_DIR / "ml" / "weights")))
INACTIVE_CLASSIFIERS = frozenset(env.list("INACTIVE_CLASSIFIERS", default=[]))
# Modalities whose classifiers are off in a clinic that is made from now on, until somebody there switches them on:
# those for CT are for research only.
NEW_CLINICS_WITHOUT = frozenset(env.list("NEW_CLINICS_WITHOUT", default=["ct"]))
# One limit; every other time of the queue follows from it. For one image: each further one of a study adds a second.
ANALYSIS_SECONDS = env.int("ANALYSIS_SECONDS", default=120)
ANALYSIS_ATTEMPTS = env.int("ANALYSIS_ATTEMPTS", default=3)
# A worker renews its lease every third of it; a job whose lease ran out belongs to nobody and is queued again.
ANALYSIS_LEASE = timedelta(seconds=env.int("ANALYSIS_LEASE_SECONDS", default=15))
# A CT series comes slice by slice: its analysis waits until none has come for so long.
ANALYSIS_QUIET = timedelta(seconds=env.float("ANALYSIS_QUIET_SECONDS", default=3))
# Of attention maps that a person asked for: how long a worker may take, and of how many images they are kept.
ATTENTION_LEASE = timedelta(seconds=ANALYSIS_SECONDS)
ATTENTION_KEPT = env.int("ATTENTION_KEPT", default=5000)
ANALYSIS_SWEEP_SECONDS = env.int("ANALYSIS_SWEEP_SECONDS", default=5)
# What looks for lost messages waits in one line with them, and runs only while it is younger than one round of the
# sweep that sent it. So what was sent before it has left the line by then: if that analysis is still queued, somebody
# took its message and may be dead. It is sent again for whoever is idle; a second copy does no harm, the claim decides.
ANALYSIS_RESEND_AFTER = timedelta(seconds=env.int("ANALYSIS_RESEND_SECONDS", default=12))
# An analysis that is open for longer stands on the administrator's screen.
ANALYSIS_WAIT_WARNING = timedelta(minutes=env.int("ANALYSIS_WAIT_WARNING", default=15))
# For how long an emergency opens a confidential record, where the person does not end it before.
EMERGENCY_ACCESS = timedelta(hours=env.float("EMERGENCY_ACCESS_HOURS", default=4))

# --- reading -----------------------------------------------------------------------------------------------
# An open page renews its claim every third of this; a closed laptop gives the case back after it.
REVIEW_LEASE = timedelta(seconds=env.int("REVIEW_LEASE_SECONDS", default=90))
# A password typed to sign serves further signatures of the session for so long, 0: for this one alone; and never after
# the person has done nothing for the second time.
SIGNING_PROOF = timedelta(minutes=env.int("SIGNING_PROOF_MINUTES", default=15))
SIGNING_PROOF_IDLE = timedelta(minutes=env.int("SIGNING_PROOF_IDLE_MINUTES", default=10))

# --- queue -------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = broker.celery_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * ANALYSIS_SECONDS,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
CELERY_TASK_QUEUES = queues.QUEUES
CELERY_TASK_DEFAULT_QUEUE = queues.SHORT
CELERY_TASK_ROUTES = queues.ROUTES
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = ANALYSIS_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = ANALYSIS_SECONDS - 10
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 2
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=1)
# Loading the classifiers in a fresh child takes longer than the 4 s that Celery gives one to report.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60.0
CELERY_TIMEZONE = TIME_ZONE
# Worker and beat touch this file while they work, for a health check (docker/alive.sh); empty: they do not.
ALIVE_FILE = env.str("ALIVE_FILE", default="")
CELERY_BEAT_SCHEDULE = schedule.entries(
    sweep_seconds=ANALYSIS_SWEEP_SECONDS,
    deliver_seconds=DELIVERY_SWEEP_SECONDS,
    sort_seconds=DICOM_SORT_SECONDS if RECEIVES_DICOM else 0,
    worklist_seconds=WORKLIST_SECONDS,
    priors=PRIORS_PER_HOUR > 0,
    backups=BACKUP_ROOT is not None,
)

# --- API ---------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.PageSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "diagnosis.api.strict.StrictSchema",
    "EXCEPTION_HANDLER": "diagnosis.api.errors.handle",
    "DEFAULT_THROTTLE_RATES": {"token": "60/min"},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Chest imaging portal",
    "DESCRIPTION": (
        "Upload chest scans, follow their analyses, read a patient's history. Decision support, not a diagnosis."
    ),
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "diagnosis.api.views.problems.as_conditional",
        "diagnosis.api.views.problems.as_problems",
        "diagnosis.api.deprecations.as_deprecated",
    ],
}

# --- log ---------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
