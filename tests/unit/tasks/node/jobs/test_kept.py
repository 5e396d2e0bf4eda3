"""A DFT evaluation as a worker does it: terms and provenance in the outcome, files beside it, nothing left behind."""

import copy

import pytest

from tansaku.calculators.engines.espresso import EspressoCalculator
from tansaku.models.domain.states import FailureKind
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate

pytestmark = pytest.mark.needs("espresso")

DFT = {
    "campaign": "test",
    "candidate": "s003-111-r0-x000-y000-z000",
    "base_path": "/nonexistent",
    "space": {
        "type": "grain_boundary",
        "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 3.96},
        "boundaries": {"planes": [[1, 1, 1]]},
        "translation": {"normal": [0.0], "in_plane": [0.0], "along_axis": [0.0]},
        "removed_planes": [0],
        "spacing": 6.0,
    },
    "calculator": {
        "type": "espresso",
        "pseudopotentials": {"Al": "Al.pz-vbc.UPF"},
        "cutoff": 120,
        "kpoint_density": 0.8,
        "smearing": {"width": 0.5},
        "relaxation": {"fmax": 1.0, "max_steps": 5},
    },
}


def document(**changes):
    return JobDocument.model_validate({**DFT, "calculator": {**DFT["calculator"], **changes}})


def test_a_dft_boundary_comes_with_terms_settings_and_its_output(tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    outcome = evaluate(document(), folder)
    assert outcome.failure is None
    assert set(outcome.artifacts) == {"structure.extxyz", "espresso.pwo"}
    assert "convergence has been achieved" in (folder / "espresso.pwo").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["job"]
    quantities = outcome.quantities
    assert quantities["hartree_energy"].unit == "eV"
    assert quantities["ewald_energy"].value < 0
    # One boundary cell holds two boundaries, and no code of this kind tells them apart.
    assert outcome.properties["boundary_energies"] is None
    assert outcome.properties["boundaries_differ"] is None
    area = 3.96**2 * 3**0.5 / 2
    excess = quantities["energy"].value - 12 * quantities["bulk_energy_per_atom"].value
    assert outcome.value == pytest.approx(16021.77 * excess / area / 2, rel=1e-4)
    calculation = outcome.properties["calculation"]
    assert calculation["electrons"] == 36
    assert calculation["kpoints"] == [2, 2, 1]
    assert not calculation["resumed"]
    provenance = outcome.provenance
    assert (provenance.code, provenance.model, len(provenance.model_sha256)) == ("espresso", "SLA PZ NOGX NOGC", 64)
    assert provenance.host
    assert provenance.cpu
    assert outcome.wall_time > 0


def test_a_density_that_does_not_converge_is_a_failure_of_science_with_its_reason(tmp_path, monkeypatch):
    folder = tmp_path / "job"
    folder.mkdir()
    good = evaluate(document(), folder)  # the crystal beside the boundary must converge
    assert good.failure is None
    whole = EspressoCalculator.evaluate

    def impatient(self, structure, relaxation=None):
        few = copy.copy(self)
        few._spec = self._spec.model_copy(update={"scf_steps": 2})
        return whole(few, structure, relaxation)

    monkeypatch.setattr(EspressoCalculator, "evaluate", impatient)
    outcome = evaluate(document(), folder)
    assert (outcome.failure.kind, outcome.failure.reason) == (FailureKind.SCIENCE, "not_converged")
    assert "no self-consistent density in 2 steps" in outcome.failure.message
    assert outcome.provenance.code == "espresso"
    assert [path.name for path in tmp_path.iterdir()] == ["job"]


def test_what_a_killed_attempt_left_is_used_by_the_next_one(tmp_path, monkeypatch):
    class Killed(BaseException):
        """What ends a worker."""

    from tansaku.calculators.engines.in_folder import KeptPositions

    keep = KeptPositions.keep

    def killed(self, atoms):
        keep(self, atoms)
        if self.folder.parent == tmp_path:
            raise Killed

    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setattr(KeptPositions, "keep", killed)
    with pytest.raises(Killed):
        evaluate(document(), first)
    assert any(path.name.startswith(".parts-") for path in tmp_path.iterdir())
    monkeypatch.setattr(KeptPositions, "keep", keep)
    outcome = evaluate(document(), second)
    assert outcome.properties["calculation"]["resumed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
