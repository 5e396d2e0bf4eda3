"""True, which Python counts as 1, is no number of a campaign."""

from __future__ import annotations

import pytest
import yaml

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.base import Spec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.ground.formats.validation import validate_data, validate_document
from tansaku.tasks.ground.formats.yaml_text import read_yaml

SURFACE = {
    "schema_version": 1,
    "name": "c",
    "space": {"type": "energy_surface", "host": {"prototype": "rocksalt", "ions": ["Mg2+"]}, "ion": "H"},
    "calculator": {"type": "chgnet"},
    "objective": {"property": "energy", "unit": "eV", "goal": {"type": "bottleneck", "dimensions": 3}},
    "proposer": {"type": "gp"},
    "execution": {"polish": 0},
}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("space.grid", True, "space.grid: True must be a valid number"),
        ("space.charge", False, "space.charge: False must be a valid integer"),
        ("space.supercell", [2, True, 2], "space.supercell[1]: True must be a valid integer"),
        ("space.host.volume", True, "space.host.volume: True must be a valid number"),
        ("proposer.initial_points", True, "proposer.initial_points: True must be a valid integer"),
        ("budget", {"cost": True}, "budget.cost: True must be a valid number"),
        ("seed", True, "seed: True must be a valid integer"),
    ],
)
def test_true_is_no_number(tmp_path, key, value, says):
    *parents, last = key.split(".")
    document = yaml.safe_load(yaml.safe_dump(SURFACE))
    target = document
    for parent in parents:
        target = target[parent]
    target[last] = value
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError) as told:
        validate_document(CampaignSpec, read_yaml(file))
    assert str(told.value).startswith(f"{says} (c.yaml, line "), told.value


def test_what_a_spec_stores_is_read_again():
    spec = validate_data(CampaignSpec, SURFACE)
    assert validate_data(CampaignSpec, spec.model_dump(mode="json")) == spec


class _Inner(Spec):
    flag: bool = False


class _Outer(Spec):
    either: bool | float = 1.0
    inner: _Inner | float = 1.0
    by_name: dict[str, float] | None = None


def test_truth_values_stay_where_a_key_may_hold_them():
    assert _Outer(either=True).either is True
    assert _Outer.model_validate({"inner": {"flag": True}}).inner == _Inner(flag=True)
    with pytest.raises(ConfigurationError, match=r"^by_name\.x: True must be a valid number"):
        validate_data(_Outer, {"by_name": {"x": True, "y": 2}})
