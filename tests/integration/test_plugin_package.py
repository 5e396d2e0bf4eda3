"""The worked example of a plug-in: it is what `tansaku new calculator` writes; installed by pip, a campaign runs with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from tansaku.deploy.cli.new_plugin import package_files
from tests.literal_pages import CAMPAIGN
from tests.support.clean_environment import LENT, CleanEnvironment
from tests.support.plugin_packages import ROOT

EXAMPLE = ROOT / "examples/plugins/tansaku-pair-potential"


def test_the_example_is_what_the_command_writes():
    written = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*") if path.is_file()}
    assert {path: text for path, text in written.items() if "__pycache__" not in path} == package_files("pair-potential")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> CleanEnvironment:
    """A clean environment in which pip has installed the example, and nothing else."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")  # pip builds beside the source
    environment = CleanEnvironment.made(folder / "environment")
    environment.install(folder / "source")
    return environment


def test_the_example_is_installed_there_and_nowhere_else(installed):
    assert importlib.util.find_spec("tansaku_pair_potential") is None
    own = {path.name for path in installed.site_packages.iterdir() if path.name != "__pycache__"}
    assert own == {LENT, "tansaku_pair_potential", "tansaku_pair_potential-0.1.0.dist-info"}
    said = installed.run("-c", "import sys, tansaku_pair_potential as it; print(sys.prefix, it.__file__)", cwd=installed.folder)
    prefix, file = (Path(word) for word in said.split())
    assert prefix == installed.folder
    assert file.is_relative_to(installed.site_packages)


def test_a_campaign_runs_with_the_installed_example(installed, tmp_path):
    """`tests/e2e/test_guide_blocks.py` checks such a package's campaign and runs the package's own tests."""
    shutil.copy(EXAMPLE / "campaign.yaml", tmp_path)
    found = json.loads(installed.run("-c", CAMPAIGN, "campaign.yaml", cwd=tmp_path).splitlines()[-1])
    assert [row["state"] for row in found["rows"]] == ["DONE"] * 4
    assert found["plugins"] == ["tansaku-pair-potential 0.1.0 (calculators: pair_potential)"]


def test_its_version_is_part_of_the_level_of_theory(installed):
    code = (
        "from pathlib import Path\n"
        "from pydantic import TypeAdapter\n"
        "from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator\n"
        "from tansaku.models.domain.specs.calculators.table import CalculatorSpec\n"
        "from tansaku.models.domain.specs.identity import identity\n"
        "read = TypeAdapter(CalculatorSpec).validate_python\n"
        "spec = resolve_calculator(read({'type': 'pair_potential', 'depth': 0.3, 'distance': 3.2}), Path())\n"
        "print(spec.plugin, identity(spec)['plugin'], 'plugin' in spec.level_keys())\n"
        "print(open_calculator(spec, Path()).provenance.settings['plugin'])\n"
        "try: open_calculator(spec.model_copy(update={'plugin': 'tansaku-pair-potential 0.0.9'}), Path())\n"
        "except ValueError as error: print(error)\n"
    )
    origin = "tansaku-pair-potential 0.1.0"
    first, second, third, *_ = installed.run("-c", code, cwd=installed.folder).splitlines()
    assert first == f"{origin} {origin} True"
    assert second == origin
    assert third == f"calculator.plugin: the campaign computes with tansaku-pair-potential 0.0.9; {origin} is installed"


def test_a_campaign_whose_plugin_is_missing_is_said_and_others_are_shown(installed, tmp_path):
    from datetime import UTC, datetime

    import yaml

    from tansaku.models.domain.records import CampaignRecord
    from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
    from tansaku.tasks.read.views.status import every_status

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
