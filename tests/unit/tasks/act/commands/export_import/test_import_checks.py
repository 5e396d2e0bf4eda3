"""A value of an imported file is the quantity that the objective names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.export_import import import_observations
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import spec_hash
from tests.unit.tasks.backends.stores.changed_exports import ME, Contents, Header, Rows, refused, rewritten


@pytest.mark.parametrize(
    ("quantity", "problem"),
    [
        ({"value": 1.0, "unit": "eV"}, None),
        ({"value": 1000.0, "unit": "meV"}, None),
        ({"value": 1.001, "unit": "eV"}, "its value is 1 eV, its energy 1.001 eV"),
        ({"value": 1.0, "unit": "GPa"}, "energy: 'GPa' .*cannot be converted to 'eV'"),
    ],
)
def test_a_value_is_the_quantity_that_the_objective_names(
    searched: Path, tmp_path: Path, contents: Contents, quantity: dict, problem: str | None
) -> None:
    def named(header: Header, rows: Rows) -> None:
        header["campaign"]["spec"]["objective"]["property"] = "energy"
        header["campaign"]["spec_hash"] = spec_hash(CampaignSpec.model_validate(header["campaign"]["spec"]))
        rows[0]["outcome"]["quantities"] = {"energy": quantity, "gap": {"value": 7.0, "unit": "GPa"}}

    file = rewritten(searched, tmp_path / "changed.parquet", named)
    if problem is None:
        assert import_observations(MemoryCampaignStore(), file, ME).new == 5
        return
    with pytest.raises(StoreError, match=problem):
        raise refused(file, tmp_path, contents)


@pytest.mark.parametrize(
    ("attempt", "problem"),
    [
        ({"known_from": 8}, "known from proposal 8; the last one is 5"),
        ({"superseded": {"value": 1.0, "wall_time": -1.0}}, "wall_time is -1"),
        ({"late_outcome": {"value": 1.0, "artifacts": {"../x": "0" * 64}}}, "name of an artifact"),
    ],
)
def test_what_attempts_keep_is_checked(searched: Path, tmp_path: Path, contents: Contents, attempt: dict, problem: str) -> None:
    def changed(header: Header, rows: Rows) -> None:
        rows[0]["attempts"][0] |= attempt

    with pytest.raises(StoreError, match=problem):
        raise refused(rewritten(searched, tmp_path / "changed.parquet", changed), tmp_path, contents)


@pytest.mark.parametrize(
    ("stop", "problem"),
    [
        ({"proposed": 5, "finished": 5, "failed": 0}, None),
        ({"proposed": 6, "finished": 5, "failed": 0}, "0 failed of 5 ended of 6 proposals; it has 5 evaluations"),
        ({"proposed": 5, "finished": 5, "failed": 6}, "6 failed of 5 ended"),
        ({"reason": "failures", "proposed": 5, "finished": 5, "failed": 0}, "too many evaluations failed, but none had failed"),
    ],
)
def test_why_the_search_ended_agrees_with_the_evaluations(
    searched: Path, tmp_path: Path, contents: Contents, stop: dict, problem: str | None
) -> None:
    def changed(header: Header, rows: Rows) -> None:
        header["campaign"]["stop"] = {"reason": "evaluations", "remaining_cost": None} | stop

    file = rewritten(searched, tmp_path / "changed.parquet", changed)
    if problem is None:
        assert import_observations(MemoryCampaignStore(), file, ME).new == 5
        return
    with pytest.raises(StoreError, match=problem):
        raise refused(file, tmp_path, contents)
