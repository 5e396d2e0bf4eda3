"""The worked example of a plug-in: it is what `tansaku new calculator` writes; installed by pip, a campaign runs with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tansaku.deploy.cli.new_plugin import package_files
from tests.support.plugin_packages import ROOT, campaign, python

EXAMPLE = ROOT / "examples/plugins/tansaku-pair-potential"


def test_the_example_is_what_the_command_writes():
    written = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*") if path.is_file()}
    assert {path: text for path, text in written.items() if "__pycache__" not in path} == package_files("pair-potential")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder in which pip has installed the example, and nothing else."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")  # pip builds beside the source
    target = folder / "target"
    command = "-m pip install --no-input --no-deps --no-build-isolation --no-index --disable-pip-version-check --target"
    subprocess.run(
        [sys.executable, *command.split(), str(target), str(folder / "source")], check=True, capture_output=True, text=True
    )
    return target


def test_a_campaign_runs_with_the_installed_example(installed, tmp_path):
    shutil.copy(EXAMPLE / "campaign.yaml", tmp_path)
    found = campaign(installed, tmp_path / "campaign.yaml")
    assert [row["state"] for row in found["rows"]] == ["DONE"] * 4
    assert found["plugins"] == ["tansaku-pair-potential 0.1.0 (calculators: pair_potential)"]


def test_its_version_is_part_of_the_level_of_theory(installed):
    code = (
        "from pathlib import Path\n"
        "from pydantic import TypeAdapter\n"
        "from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator\n"
        "from tansaku.models.domain.specs.calculators.table import CalculatorSpec\n"
        "from tansaku.models.domain.specs.calculators.identity import calculator_identity\n"
        "read = TypeAdapter(CalculatorSpec).validate_python\n"
        "spec = resolve_calculator(read({'type': 'pair_potential', 'depth': 0.3, 'distance': 3.2}), Path())\n"
        "print(spec.plugin, calculator_identity(spec.model_dump(mode='json'))['plugin'], 'plugin' in spec.level_keys())\n"
        "print(open_calculator(spec, Path()).provenance.settings['plugin'])\n"
        "try: open_calculator(spec.model_copy(update={'plugin': 'tansaku-pair-potential 0.0.9'}), Path())\n"
        "except ValueError as error: print(error)\n"
    )
    origin = "tansaku-pair-potential 0.1.0"
    first, second, third, *_ = python(installed, code).splitlines()
    assert first == f"{origin} {origin} True"
    assert second == origin
    assert third == f"calculator.plugin: the campaign computes with tansaku-pair-potential 0.0.9; {origin} is installed"


def test_its_own_conformance_test_passes(installed):
    environment = {**os.environ, "PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"}
    environment.pop("PYTEST_ADDOPTS", None)  # options of this suite, unknown to the package's
    source = installed.parent / "source"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={source}", str(source / "tests")]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "7 passed" in done.stdout


def test_a_campaign_whose_plugin_is_missing_is_said_and_others_are_shown(installed, tmp_path):
    from datetime import UTC, datetime

    import yaml

    from tansaku.models.domain.records import CampaignRecord
    from tansaku.tasks.stores.memory import MemoryCampaignStore
    from tansaku.tasks.views.progress import every_status

    store = MemoryCampaignStore()
    missing = yaml.safe_load((EXAMPLE / "campaign.yaml").read_text())
    for name, calculator in (("with-plugin", missing["calculator"]), ("without", {"type": "emt"})):
        spec = missing | {"name": name, "calculator": calculator}
        record = CampaignRecord(
            name=name, spec=spec, spec_hash="0" * 64, base_path="/", tansaku_version="0", created_at=datetime.now(UTC)
        )
        store.create_campaign(record)
    first, second = every_status(store)
    assert first.describe().startswith("with-plugin: cannot be read: ")
    assert "pair_potential" in first.describe()
    assert second.state != "unreadable"
