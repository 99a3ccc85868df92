"""Every setting can be found in an example, and reaches the containers."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as configured

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "docker" / "compose.yaml"

# Settings of portal/settings.py that the containers do without, each with the reason.
NOT_IN_CONTAINERS = {
    "AUDIT_ROOT": "lies in the volume below PORTAL_VAR",
    "DEBUG": "never where patients' data are",
    "DICOM_HOST": "docker/listener.sh sets it; compose.yaml publishes the port",
    "MLLP_HOST": "docker/hl7.sh sets it; compose.yaml publishes the port",
    "HOST": "the container listens to all; compose.yaml publishes the port",
    "PORTAL_VAR": "the image sets it to the volume",
    "PRIVATE_ROOT": "lies in the volume below PORTAL_VAR",
    "PSEUDO_LOCALE": "for those who write templates",
    "STATIC_ROOT": "the image sets it, and collects the files when it is built",
}
# Names that only compose.yaml knows.
OF_COMPOSE = {
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "WEB_MEMORY",
    "WORKER_MEMORY",
    "SHORT_MEMORY",
    "BACKUP_VOLUME",
    "DICOM_BIND",
    "MLLP_BIND",
}
OF_COMPOSE |= {"MLLP_BIND"}
# What compose.yaml makes itself, of the passwords or for its own files.
MADE_BY_COMPOSE = {"DATABASE_URL", "REDIS_URL", "ALIVE_FILE"}


def settings() -> dict[str, Any]:
    """The names that portal/ reads from the environment → their defaults, None where these are not written out."""
    found: dict[str, Any] = {}
    for path in (ROOT / "portal").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) == "os.environ.get" or ast.unparse(call.func).startswith("env."):
                found[ast.literal_eval(call.args[0])] = _default(call)
    return found


def _default(call: ast.Call) -> Any:
    (given, *_) = [*(word.value for word in call.keywords if word.arg == "default"), *call.args[1:], None]
    return given.value if isinstance(given, ast.Constant) else None


def explained(example: str) -> set[str]:
    return set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / example).read_text(), re.MULTILINE))


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return document


def environment() -> dict[str, str]:
    return {name: str(value) for name, value in compose()["x-portal"]["environment"].items()}


def substituted() -> set[str]:
    """The names that compose.yaml takes from docker/.env."""
    lines = [line for line in COMPOSE.read_text().splitlines() if not line.lstrip().startswith("#")]
    return set(re.findall(r"\$\{([A-Z_]+)", "\n".join(lines)))


def test_settings_are_found() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "TRUSTED_PROXIES", "PORT", "ALIVE_FILE"} <= settings().keys()


def test_every_setting_is_explained() -> None:
    assert settings().keys() - explained(".env.example") == set()


def test_the_example_names_settings_only() -> None:
    assert explained(".env.example") - settings().keys() == set()


def test_every_setting_reaches_the_containers() -> None:
    assert settings().keys() - environment().keys() == NOT_IN_CONTAINERS.keys()


def test_the_containers_example_explains_what_compose_takes() -> None:
    assert explained("docker/.env.example") == substituted()
    assert substituted() == (environment().keys() - MADE_BY_COMPOSE) | OF_COMPOSE


@pytest.mark.parametrize("name", sorted(environment().keys() & settings().keys()))
def test_what_is_left_out_has_the_default_of_the_settings(name: str) -> None:
    """Written twice because not every engine passes on a variable only where it is set."""
    default = settings()[name]
    match = re.fullmatch(r"\$\{[A-Z_]+:-(.*)\}", environment()[name])
    if match and default is not None and not isinstance(default, bool):
        assert match[1] == str(default)


@pytest.mark.parametrize("service", ["web", "worker", "beat", "listener", "database", "broker"])
def test_every_container_has_a_health_check_and_limits(service: str) -> None:
    described = compose()["services"][service]
    assert {"healthcheck", "mem_limit"} <= described.keys()
    assert {"max-size", "max-file"} == described["logging"]["options"].keys()


def test_the_image_leaves_health_checks_to_compose() -> None:
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("HEALTHCHECK")] == []


OURS = sorted({"ml", *(app.split(".")[0] for app in configured.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir())})


@pytest.mark.parametrize("package", OURS)
def test_the_images_carry_every_package(package: str) -> None:
    """Without it a container ends at its first import."""
    assert f"!{package}" in (ROOT / ".dockerignore").read_text().split()
    compiled = re.findall(r"compileall -q ([a-z ]+)", (ROOT / "docker" / "Dockerfile").read_text())
    assert [package in line.split() for line in compiled] == [True, True]
