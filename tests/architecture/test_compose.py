"""docker-compose.yml: valid, closed to the outside, without passwords, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command
from tansaku.tasks.backends.stores.mongod_binary import END_OF_LIFE, NEWEST

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES = COMPOSE["services"]
ONE_SHOT = {"mongodb-users", "mongodb-web-user"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("tansaku")}


def validate(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Checks against the schema of the compose specification that the validator ships."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_valid():
    done = validate(FILE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_validator_notices_planted_mistakes(tmp_path):
    text = FILE.read_text()
    planted = {"healthcheck:": "healthchek:", "ports: [": "ports: 4200 # [", "restart:": "restarts:"}
    broken = [tmp_path / f"mistake-{number}.yml" for number in range(len(planted))]
    for file, (old, new) in zip(broken, planted.items(), strict=True):
        assert old in text
        file.write_text(text.replace(old, new))
    done = validate(*broken)
    assert done.returncode != 0
    assert [file for file in broken if f"{file}::" not in done.stdout] == []


def published(services: dict) -> list[str]:
    return [str(port) for service in services.values() for port in service.get("ports", [])]


def test_nothing_is_published_beyond_loopback():
    assert published(SERVICES) == ["127.0.0.1:4200:4200", "127.0.0.1:8421:8421"]
    assert all("network_mode" not in service and not service.get("privileged") for service in SERVICES.values())
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name in ("mongodb", "postgres"):
        assert SERVICES[name]["networks"] == ["data"]


def test_every_service_has_a_health_check_and_comes_back():
    for name, service in SERVICES.items():
        check = service["healthcheck"]
        if name in ONE_SHOT:
            assert check == {"disable": True}
            assert service["restart"] == "on-failure"
        else:
            assert check["test"][0] == "CMD"
            assert service["restart"] == "unless-stopped"


def test_every_name_that_is_used_is_declared():
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or source.startswith("${") or (ROOT / source).is_file()
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])


def test_secrets_are_files_and_each_service_sees_its_own():
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    for name, service in SERVICES.items():
        mine = set(service.get("secrets", []))
        words = yaml.safe_dump(service.get("environment", {})) + " ".join(map(str, service.get("command", [])))
        assert set(re.findall(r"/run/secrets/([a-z_]+)", words)) <= mine, name
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|AUTH|URI|URL", variable):
                assert variable.endswith("_FILE") or re.fullmatch(r"http://[a-z0-9.]+:4200/api", value), variable
    assert not re.search(r"://[^\s/@]+:[^\s/@]+@", FILE.read_text())
    administrators = {name for name, service in SERVICES.items() if any("root" in one for one in service.get("secrets", []))}
    assert administrators == {"mongodb", *ONE_SHOT}


def test_the_dashboard_can_write_nothing_here_and_knows_nothing_of_prefect():
    web = SERVICES["web"]
    assert web["read_only"] is True
    assert web["secrets"] == ["mongo_web_uri"]
    assert not any(name.startswith("PREFECT") for name in web["environment"])
    assert "volumes" not in web
    assert not set(web["networks"]) & set(SERVICES["prefect"]["networks"]) - {"data"}
    assert {place.split(":")[0] for place in web["tmpfs"]} == {"/tmp", "/var/lib/tansaku/home"}


def test_images_are_pinned_and_ours_can_gain_no_rights():
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"]
        if name in OURS:
            assert service["cap_drop"] == ["ALL"]
            assert (ROOT / service["build"]["dockerfile"]).is_file()
            assert name == "slurm" or "cap_add" not in service
        else:
            assert service["image"].split(":")[0] in PINNED, service["image"]


PINNED = {"mongo": r"mongo:(\d+)\.(\d+)\.\d+-[a-z]+", "postgres": r"postgres:(\d+)\.(\d+)-[a-z]+"}
"""Images that are not ours, and the form of their tags: one version, on one distribution."""


def test_servers_are_pinned_to_one_version_of_a_series_that_is_supported():
    tags = {
        name: re.fullmatch(pattern, SERVICES[service]["image"])
        for service, (name, pattern) in zip(("mongodb", "postgres"), PINNED.items(), strict=True)
    }
    assert None not in tags.values()
    assert tuple(map(int, tags["mongo"].groups())) == NEWEST
    assert END_OF_LIFE[NEWEST] > END_OF_LIFE[6, 0]
    assert int(tags["postgres"][1]) >= 18
    # From 18 on the image refuses a volume at the old place.
    assert "postgres:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]
    assert re.search(r"^prefect==\d+\.\d+\.\d+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert SERVICES["prefect"]["image"] == "tansaku:local", "built from constraints.txt"


def dockerfile(name: str) -> str:
    return (ROOT / "deploy/docker" / name).read_text()


def test_images_are_built_from_what_there_is():
    text = dockerfile("Dockerfile")
    assert re.search(r"^FROM python:\d+\.\d+\.\d+-slim-bookworm$", text, re.MULTILINE)
    extras = set(re.search(r"^ARG EXTRAS=(\S+)$", text, re.MULTILINE)[1].split(","))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extras <= set(project["optional-dependencies"])
    assert SERVICES["tansaku"]["build"]["args"]["EXTRAS"] == "${TANSAKU_EXTRAS:-" + ",".join(sorted(extras)) + "}"
    assert re.search(r"^USER tansaku$", text, re.MULTILINE)
    for line in re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", text + dockerfile("slurm.Dockerfile"), re.MULTILINE):
        for word in yaml.safe_load(line):
            if word.startswith("/opt/tansaku/"):
                assert (ROOT / word.removeprefix("/opt/tansaku/")).is_file()
            if word.startswith("tansaku."):
                assert (ROOT / "tansaku" / Path(*word.split(".")[1:])).with_suffix(".py").is_file()


def test_secrets_stay_out_of_images_and_of_git():
    assert "secrets" in (ROOT / ".dockerignore").read_text().split()
    assert "/secrets/" in (ROOT / ".gitignore").read_text().split()


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_of_the_services_exist(name):
    program, *words = SERVICES[name]["command"]
    if program == "prefect":
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words[:2], "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        options = done.stdout
    else:
        assert program == "tansaku"
        command = every_command(app)
        for word in words[:2]:
            command = command.commands[word] if word in getattr(command, "commands", {}) else command
        options = " ".join(option for parameter in command.params for option in parameter.opts)
    for option in (word.split("=")[0] for word in words if str(word).startswith("--")):
        assert option in options
