"""The calculator's own lattice parameter when a campaign is created, resumed and driven."""

from __future__ import annotations

import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.records import Outcome
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA


def keys(**crystal: object) -> dict:
    return {
        "space": {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Cu", "lattice_parameter": 3.59, "strained": False} | crystal,
            "boundaries": {"planes": [[1, 1, 1]]},
            "spacing": 8,
            "translation": {"normal": [0.0, 0.4]},
        },
        "calculator": {"type": "emt"},
        "proposer": {"type": "random"},
        "budget": {"evaluations": 4},
        "execution": {"in_flight": 1, "polish": 0},
    }


def crystal_of(bench):
    return CampaignSpec.model_validate(bench.record().spec).space.crystal


def prepare(bench, **crystal: object):
    spec = bench.launcher.spec
    changed = spec.space.model_copy(update={"crystal": spec.space.crystal.model_copy(update=crystal)})
    prepare_campaign(bench.resources, ADA, LoadedCampaign(spec.model_copy(update={"space": changed}), bench.folder))


def test_a_new_campaign_stores_what_was_found(open_bench):
    assert crystal_of(open_bench(**keys())).own_lattice_parameter == pytest.approx(3.5898, abs=1e-4)


def test_a_new_campaign_of_another_crystal_is_not_stored(open_bench):
    bench = open_bench(**keys())
    spec = CampaignSpec.model_validate({"schema_version": 1, "name": "off", **keys(lattice_parameter=3.65)})
    with pytest.raises(ConfigurationError, match=r"3\.65 Å; .* at 3\.5898 Å"):
        prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder))
    with pytest.raises(NotFoundError):
        bench.store.campaign("off")


def test_a_campaign_goes_on_with_the_number_that_auto_once_was(open_bench):
    bench = open_bench(**keys(lattice_parameter=3.5899, own_lattice_parameter=3.5899))
    before = bench.record().spec
    # Another version of the calculator finds another last digit when the file is loaded again.
    prepare(bench, lattice_parameter=3.5898, own_lattice_parameter=3.5898)
    assert bench.record().spec == before
    # A number that the file gives is another campaign's.
    with pytest.raises(ConfigurationError, match=r"space\.crystal\.lattice_parameter: 3\.5899 -> 3\.5"):
        prepare(bench, lattice_parameter=3.5, own_lattice_parameter=None)


def stored_before(bench, edge):
    """The record as it was before lattice parameters were looked at."""
    record = bench.record()
    crystal = {"structure": "fcc", "element": "Cu", "lattice_parameter": edge}
    spec = record.spec | {"name": "old", "space": record.spec["space"] | {"crystal": crystal}}
    bench.store.create_campaign(record.model_copy(update={"id": "old", "name": "old", "spec": spec}))
    return CampaignSpec.model_validate(spec)


def test_a_campaign_stored_before_goes_on(open_bench):
    bench = open_bench(**keys())
    spec = stored_before(bench, 3.65)
    said = spec.space.model_copy(update={"crystal": spec.space.crystal.model_copy(update={"strained": False})})
    prepare_campaign(bench.resources, ADA, LoadedCampaign(spec.model_copy(update={"space": said}), bench.folder))
    assert "strained" not in bench.store.campaign("old").spec["space"]["crystal"]


def test_jobs_are_told_what_the_first_result_found_and_the_warning_is_shown_once(open_bench):
    told = {"own_lattice_parameter": 3.5898, "lattice_warning": "3.59 Å is not 3.5898 Å"}
    bench = open_bench(**keys(), outcome=lambda _: Outcome(value=1.0, properties=told))
    record = bench.record()
    crystal = record.spec["space"]["crystal"] | {"own_lattice_parameter": None}
    spec = record.spec | {"space": record.spec["space"] | {"crystal": crystal}}
    bench.store.delete_campaign("small")
    bench.store.create_campaign(record.model_copy(update={"spec": spec}))
    bench.drive()
    known = [document["space"]["crystal"]["own_lattice_parameter"] for document in bench.launcher.documents]
    assert known == [None, 3.5898, 3.5898, 3.5898]
    status = campaign_status(bench.store, "small")
    assert status.warnings == ("3.59 Å is not 3.5898 Å",)
    assert "  warning: 3.59 Å is not 3.5898 Å" in status.describe()
