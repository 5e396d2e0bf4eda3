"""The command in this process, on the real server, and campaigns on small tables."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tansaku.deploy.cli import main as cli
from tansaku.deploy.cli.session import opened
from tansaku.deploy.cli.web import first_page
from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Role, User
from tansaku.tasks.backends.resources import DatabaseResources


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def tansaku(mongo_server: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``tansaku("results", name)`` runs the command as the shell would."""

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tansaku", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def resources(mongo_server: object) -> Iterator[DatabaseResources]:
    with opened(None) as found:
        yield found


@pytest.fixture
def browser_of(resources: DatabaseResources) -> Callable[[Role], TestClient]:
    """``browser_of(role)``: a program with a token, on the database of the commands."""
    services = Services(
        store=resources.store,
        artifacts=resources.artifacts,
        accounts=resources.accounts,
        registry=resources.registry,
        requests=resources.requests,
        schedules=resources.schedules,
        notifications=resources.notifications,
        library=resources.library,
        resources=resources,
        site=resources.site,
    )

    def browse(role: Role) -> TestClient:
        first_page(services, "")
        user = User(name=f"web-{role.value}", role=role, created_at=services.clock())
        resources.accounts.add_user(user)
        secret, _ = issue_token(services, resources.accounts.user(user.name), "test", role, 600.0)
        headers = {"Authorization": f"Bearer {secret}"}
        return TestClient(create_app(services), base_url="http://localhost", headers=headers)

    return browse


@pytest.fixture
def browser(browser_of: Callable[[Role], TestClient]) -> TestClient:
    """An operator's."""
    return browser_of(Role.OPERATOR)


COPPER_DATASET = """\
schema_version: 1
name: DATASET
source:
  type: computed
  space:
    type: grain_boundary
    crystal: {structure: fcc, element: Cu, lattice_parameter: 3.6}
    boundaries: {planes: [[1, 1, 1], [1, 1, 3], [2, 2, 1], [1, 1, 2]]}
    spacing: 8.0
  calculator: {type: emt, relaxation: {fmax: 0.3}}
  per_system: 2
  execution: {in_flight: 2, polish: 0}
split: {type: above, key: sigma, above: 9}
"""
COPPER_MODEL = """\
schema_version: 1
name: MODEL
dataset: DATASET
surrogate:
  type: local_energies
  descriptors: [{type: radial, cutoff: 5.0, widths: [0.4, 0.8]}]
  total_weights: [0.0]
  path_points: 8
  path_ratio: 1e-3
  max_iterations: 300
"""


@pytest.fixture
def copper(tmp_path: Path, require: Callable[[str], None]) -> Callable[..., Path]:
    """``copper(dataset, model, *replaced)``: a folder with files of a small data set and of a model trained on it.

    Each of ``replaced`` is a text of the data-set file, before and after.
    """
    for package in ("h5py", "safetensors", "sklearn"):
        require(package)

    def write(dataset: str, model: str, *replaced: tuple[str, str]) -> Path:
        text = COPPER_DATASET.replace("DATASET", dataset)
        for before, after in replaced:
            assert before in text
            text = text.replace(before, after)
        (tmp_path / f"{dataset}.yaml").write_text(text)
        (tmp_path / "model.yaml").write_text(COPPER_MODEL.replace("DATASET", dataset).replace("MODEL", model))
        return tmp_path

    return write


@pytest.fixture
def campaign_file(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Writes a campaign on a table of two systems; candidates ``b*`` fail."""
    unique = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:60].strip("-")

    def write(*, good: int = 6, bad: int = 1, budget: str = "{}", proposer: str = "grid") -> Path:
        rows = ["id,system,value,cost,x"]
        rows += [f"a{index},{'left' if index % 2 else 'right'},{10.0 - index},2.0,{index}" for index in range(good)]
        rows += [f"b{index},left,,3.0,{index + 0.5}" for index in range(bad)]
        (tmp_path / "candidates.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        path = tmp_path / f"{unique}.yaml"
        path.write_text(
            "schema_version: 1\n"
            "space:\n"
            "  type: table\n"
            "  candidates: candidates.csv\n"
            "  columns: {id: id, system: system, value: value, cost: cost}\n"
            "  features: {place: {columns: [x]}}\n"
            "objective: {unit: eV}\n"
            f"proposer: {{type: {proposer}}}\n"
            f"budget: {budget}\n"
            "execution: {in_flight: 1, retries: 0}\n",
            encoding="utf-8",
        )
        return path

    return write
