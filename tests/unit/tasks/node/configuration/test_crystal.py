"""A campaign file's lattice parameter against its calculator's own."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tansaku.deploy.cli.results import _show_systems
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec
from tansaku.models.domain.specs.grain_boundary import CrystalSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.node.configuration.campaign_files import diff_specs, load_campaign, spec_hash
from tansaku.tasks.node.configuration.crystal import answered, compare_crystal, describe_crystal, measured, resolve_crystal
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import system_rows
from tansaku.tasks.read.views.status import every_status
from tests.support.actors import ADA

CAMPAIGN = """
schema_version: 1
name: copper
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.59}
  boundaries: {planes: [[1, 1, 1]]}
  translation: {normal: [0.0], in_plane: {step: 1.5}, along_axis: {step: 1.5}}
  spacing: 6.0
calculator: {type: emt, relaxation: {fmax: 0.1}}
budget: {evaluations: 2}
"""
STRAINED = "space.crystal.strained: true; lattice parameter 3.65 Å is not compared with the calculator's own"
IRON = CAMPAIGN.replace("fcc, element: Cu, lattice_parameter: 3.59", "bcc, element: Fe, lattice_parameter: 2.95").replace(
    "{type: emt", "{type: lammps, potential: Fe_mm.eam.fs"
)


def loaded(folder: Path, text: str = CAMPAIGN):
    path = folder / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    return load_campaign(path)


def with_edge(edge: str, text: str = CAMPAIGN) -> str:
    return text.replace("lattice_parameter: 3.59", f"lattice_parameter: {edge}")


def stored(folder: Path, text: str) -> MemoryCampaignStore:
    """A store in which the campaign was created."""
    store = MemoryCampaignStore()
    prepare_campaign(SimpleNamespace(store=store, site=SiteSpec()), ADA, loaded(folder, text))
    return store


def test_the_calculator_s_own_passes_and_is_said(tmp_path):
    spec = loaded(tmp_path).spec
    assert compare_crystal(spec, tmp_path).lattice_parameter == pytest.approx(3.5898, abs=1e-4)
    assert preview_campaign(tmp_path / "campaign.yaml").crystal.startswith("3.59 Å, +0.00 % off the calculator's own 3.5898 Å")


def test_a_calculator_that_reads_no_files_is_asked_once_whatever_the_folder(tmp_path):
    spec = loaded(tmp_path).spec
    found = compare_crystal(spec, tmp_path)
    asked = answered.cache_info().misses
    assert compare_crystal(spec, tmp_path / "other") == found
    assert answered.cache_info().misses == asked


def test_another_one_is_refused_by_check_with_both_numbers(require, tmp_path):
    require("lammps")
    loaded(tmp_path, IRON)
    with pytest.raises(ConfigurationError, match=r"2\.95 Å; the calculator of type lammps has bcc Fe at 2\.8553 Å"):
        preview_campaign(tmp_path / "campaign.yaml")


def test_a_strained_crystal_has_to_be_asked_for(tmp_path):
    with pytest.raises(ConfigurationError, match=r"3\.65 Å; .* at 3\.5898 Å"):
        compare_crystal(loaded(tmp_path, with_edge("3.65")).spec, tmp_path)
    strained = loaded(tmp_path, with_edge("3.65, strained: true")).spec
    assert compare_crystal(strained, tmp_path).misfit == pytest.approx(0.0168, abs=1e-4)
    assert describe_crystal(strained, tmp_path).endswith("(strained: true)")
    with pytest.raises(ConfigurationError, match="auto; a strained crystal needs a number"):
        loaded(tmp_path, with_edge("auto, strained: true"))


def test_the_status_of_a_strained_campaign_warns(tmp_path):
    for edge, warned in (("3.59", False), ("3.65, strained: true", True)):
        (status,) = every_status(stored(tmp_path, with_edge(edge)))
        assert status.warnings == ((STRAINED,) if warned else ())


def test_results_of_a_strained_campaign_are_marked(tmp_path, capsys):
    for edge, marked in (("3.59", False), ("3.65, strained: true", True)):
        data = Campaign.load(stored(tmp_path, with_edge(edge)), "copper")
        assert [row.get("strained") for row in system_rows(data)] == [True if marked else None]
        _show_systems(data, as_json=False, as_csv=False)
        assert (f"warning: {STRAINED}" in capsys.readouterr().out) is marked


def test_a_small_misfit_passes_and_is_said_with_what_it_does_to_energies(tmp_path, capsys):
    slightly = with_edge("3.6")
    assert "energies" not in describe_crystal(loaded(tmp_path).spec, tmp_path)
    found = re.search(
        r"GPa; energies about (\d+\.\d) mJ/m2 too low$", describe_crystal(loaded(tmp_path, slightly).spec, tmp_path)
    )
    assert 1 < float(found[1]) < 30
    store = stored(tmp_path, slightly)
    (status,) = every_status(store)
    [warning] = status.warnings
    assert warning.startswith("space.crystal.lattice_parameter: 3.6 Å is +0.28 % off the calculator's own 3.589")
    data = Campaign.load(store, "copper")
    assert system_rows(data)[0].get("strained") is None
    _show_systems(data, as_json=False, as_csv=False)
    assert f"warning: {warning}" in capsys.readouterr().out


def test_auto_takes_the_calculator_s_own_and_keeps_it(tmp_path):
    spec = loaded(tmp_path, with_edge("auto")).spec
    crystal = spec.space.crystal
    assert crystal.lattice_parameter == crystal.edge == crystal.own_lattice_parameter == 3.5898
    # The number counts, not the word: the same campaign as one whose file gives it.
    assert spec_hash(spec) == spec_hash(loaded(tmp_path, with_edge("3.5898")).spec)
    assert spec_hash(spec) != spec_hash(loaded(tmp_path).spec)


def test_what_was_found_and_not_being_strained_do_not_change_a_campaign(tmp_path):
    spec = loaded(tmp_path).spec
    stored = spec.space.crystal.model_copy(update={"strained": None, "own_lattice_parameter": 3.59})
    before = spec.model_copy(update={"space": spec.space.model_copy(update={"crystal": stored})})
    assert spec_hash(before) == spec_hash(spec)
    assert diff_specs(before, spec) == []
    strained = loaded(tmp_path, with_edge("3.59, strained: true")).spec
    assert spec_hash(strained) != spec_hash(spec)
    assert [one.key for one in diff_specs(spec, strained)] == ["space.crystal.strained"]


@pytest.mark.started_workers  # a fork of a process that has torch may need less than a second
def test_a_calculator_that_takes_longer_is_left_to_the_first_evaluation(require, tmp_path):
    require("chgnet")
    crystal = CrystalSpec(structure="fcc", element="Cu", lattice_parameter=3.59)
    # Importing torch takes more than half of the second that it is given, and the crystal several.
    assert measured(ChgnetSpec(), crystal, tmp_path, 1) is None


def test_density_functional_theory_is_left_to_the_first_evaluation(tmp_path):
    code = GpawSpec(xc="PBE", kpoint_density=4.0)
    spec = loaded(tmp_path).spec.model_copy(update={"calculator": code})
    assert compare_crystal(spec, tmp_path) is None
    assert "by the first evaluation" in describe_crystal(spec, tmp_path)
    crystal = spec.space.crystal.model_copy(update={"lattice_parameter": "auto"})
    with pytest.raises(ConfigurationError, match="auto; with a calculator of type gpaw it takes too long, expected a number"):
        resolve_crystal(spec.space.model_copy(update={"crystal": crystal}), code, tmp_path)


def job(folder: Path, **crystal: object) -> JobDocument:
    spec = loaded(folder).spec
    space = spec.space.model_copy(update={"crystal": spec.space.crystal.model_copy(update=crystal)})
    return JobDocument(
        campaign="copper",
        candidate="s003-111-r0-x000-y000-z000",
        space=space,
        calculator=spec.calculator,
        base_path=str(folder),
    )


def test_the_first_evaluation_compares_where_nobody_has(tmp_path):
    told = evaluate(job(tmp_path), tmp_path)
    assert told.properties["own_lattice_parameter"] == pytest.approx(3.5898, abs=1e-4)
    assert told.properties["bulk_stress"] == pytest.approx(0.02, abs=0.01)
    assert "lattice_warning" not in told.properties
    with pytest.raises(ConfigurationError, match=r"3\.65 Å; .* at 3\.5898 Å"):
        evaluate(job(tmp_path, lattice_parameter=3.65), tmp_path)
    known = evaluate(job(tmp_path, own_lattice_parameter=3.59), tmp_path)
    assert "own_lattice_parameter" not in known.properties


def test_a_campaign_from_before_is_warned_and_goes_on(tmp_path):
    told = evaluate(job(tmp_path, lattice_parameter=3.65, strained=None), tmp_path)
    assert told.value is not None
    assert told.properties["lattice_warning"].startswith("space.crystal.lattice_parameter: 3.65 Å, +1.68 % off")
    asked_for = evaluate(job(tmp_path, lattice_parameter=3.65, strained=True), tmp_path)
    assert "lattice_warning" not in asked_for.properties
