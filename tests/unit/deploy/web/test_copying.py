"""Texts to start a campaign from."""

import re

import pytest

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.deploy.web.copying import copied_spec, copied_text, with_another_seed, with_other_seeds
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.ground.formats.yaml_text import parse_yaml
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.records import campaign_record


@pytest.mark.parametrize("name", campaign_templates())
def test_a_copy_is_the_same_campaign_of_another_name(name):
    spec = validate_document(CampaignSpec, parse_yaml(campaign_templates()[name].read_text(), name))
    text = copied_spec(campaign_record(spec, name=name), {f"{name}-2"})
    assert "null" not in text
    copied = validate_document(CampaignSpec, parse_yaml(text, name))
    assert copied == spec.model_copy(update={"name": f"{name}-3"})


def test_a_copy_keeps_the_keys_that_distinguish_members_of_a_union(tmp_path):
    (tmp_path / "cu-emt.yaml").write_text(campaign_templates()["cu-emt"].read_text())
    spec = load_campaign(tmp_path / "cu-emt.yaml").spec  # its cell is filled in
    assert spec.space.cell.polish is not None
    text = copied_spec(campaign_record(spec, name="cu-emt"), set())
    assert validate_document(CampaignSpec, parse_yaml(text, "copy")).space.cell == spec.space.cell


def test_a_copy_finds_its_own_lattice_parameter_as_the_original_did(tmp_path):
    file, found = tmp_path / "cu.yaml", {}
    text = campaign_templates()["cu-emt"].read_text()
    file.write_text(re.sub(r"lattice_parameter: [0-9.]+", "lattice_parameter: auto", text))
    found["cu"] = load_campaign(file).spec
    record = campaign_record(found["cu"], name="cu")
    for name, changes in (("again", {"seed": 1}), ("strained", {"space.crystal.lattice_parameter": 3.5})):
        (tmp_path / f"{name}.yaml").write_text(copied_text(record, name, changes))
        found[name] = load_campaign(tmp_path / f"{name}.yaml").spec
    assert found["again"] == found["cu"].model_copy(update={"name": "again", "seed": 1})
    assert found["cu"].space.crystal.own_lattice_parameter is not None
    assert found["strained"].space.crystal.lattice_parameter == 3.5


@pytest.mark.parametrize(
    ("name", "taken", "made"),
    [
        ("tilt", {"tilt"}, ("tilt-seed-1", 1)),
        ("tilt", {"tilt", "tilt-seed-1"}, ("tilt-seed-2", 2)),
        ("tilt-seed-1", {"tilt", "tilt-seed-1"}, ("tilt-seed-2", 2)),
        ("x" * 63, set(), ("x" * 38 + "-seed-1", 1)),
    ],
)
def test_another_seed_has_a_name_that_says_it(name, taken, made):
    spec = validate_document(CampaignSpec, parse_yaml(campaign_templates()["cu-emt"].read_text(), "cu-emt"))
    seed = int(name.rpartition("-")[2]) if "-seed-" in name else 0
    record = campaign_record(spec.model_copy(update={"seed": seed}), name=name)
    assert with_another_seed(record, taken) == made


def test_campaigns_that_differ_in_seeds_find_each_other():
    names = ["tilt", "tilt-seed-1", "tilt-seed-2", "tilting", "seed-1", "seed-2"]
    family = ["tilt", "tilt-seed-1", "tilt-seed-2"]
    assert [with_other_seeds(name, names) for name in names] == [family, family, family, [], [], []]
