"""A grain boundary by VASP's makers, as a worker computes it; ``tests.support.vasp_program`` stands for VASP, by EMT."""

import pytest

from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.configuration.source import polish_relaxation
from tansaku.tasks.node.jobs.evaluate import evaluate
from tests.support.campaign_files import boundary_space
from tests.support.records import job_of

CANDIDATE = "s003-111-r0-x000-y000-z040"
RELAXATION = {"fmax": 0.01, "max_steps": 100, "translation": "free"}


def outcome(calculator, folder):
    data = {
        "schema_version": 1,
        "name": "small",
        "space": boundary_space("Al", 3.994, [1, 1, 1], axis=[1, 1, 0], translation={"normal": [0.4]}),
        "calculator": calculator | {"relaxation": RELAXATION},
        "proposer": {"type": "random"},
        "budget": {"evaluations": 1},
    }
    spec = campaign_from_data(data, folder, "test").spec
    place = folder / f"by-{calculator['type']}"
    place.mkdir()
    return spec, evaluate(job_of(spec, CANDIDATE, folder), place)


def test_a_boundary_by_vasp_has_the_energy_of_the_numbers_that_it_was_given(vasp, tmp_path):
    spec, by_vasp = outcome({"type": "vasp", "potcars": {"Al": "Al"}, "cutoff": 200, "kpoint_density": 0.5}, tmp_path)
    assert by_vasp.failure is None, by_vasp.failure
    _, by_emt = outcome({"type": "emt"}, tmp_path)
    assert by_vasp.value == pytest.approx(by_emt.value, abs=2e-3)
    assert len(spec.calculator.potcars_sha256) == 64
    assert by_vasp.provenance.code_version == vasp.VERSION
    assert {"OUTCAR.gz", "vasprun.xml.gz"} <= set(by_vasp.artifacts)
    assert (tmp_path / "by-vasp" / "OUTCAR.gz").is_file()
    assert by_vasp.properties["calculation"]["corrections"] == []
    assert by_vasp.properties["boundary_energies"] is None
    # Polishing cannot free one length of the cell alone.
    assert polish_relaxation(spec).cell == "fixed"
