"""A density-functional evaluation through FireWorks on the real SLURM, its MPI ranks as the site file has them."""

import sys
from pathlib import Path

import pytest

from tansaku.models.domain.states import EvaluationState

# So coarse a level of theory has a lattice parameter of its own.
SPACE = {
    "type": "grain_boundary",
    "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 4.0, "strained": True},
    "axis": [1, 1, 0],
    "boundaries": {"planes": [[1, 1, 1]]},
    "translation": {"normal": [0.0], "in_plane": {"step": 3.0}, "along_axis": {"step": 3.0}},
    "removed_planes": [0],
    "spacing": 4.0,
}
CALCULATOR = {
    "type": "gpaw",
    "xc": "LDA",
    "cutoff": 120,
    "kpoint_density": 0.6,
    "smearing": {"width": 0.5},
    "energy_tolerance": 1e-4,
    "density_tolerance": 1e-3,
    "relaxation": {"fmax": 5.0, "max_steps": 3},
}


@pytest.fixture
def mpiexec(tmp_path):
    """The environment's own MPI, which starts ranks on the job's first node: both nodes are this machine."""
    program = tmp_path / "mpiexec"
    program.write_text(f'#!/bin/sh\nexec "{Path(sys.prefix, "bin", "mpiexec")}" -launcher fork -rmk user "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_ranks_of_gpaw_on_the_nodes_of_a_slurm_job(make_campaign, require, mpiexec):
    require("gpaw")
    campaign = make_campaign(
        {"mpiexec": mpiexec, "resources": {"tasks": 2}}, space=SPACE, calculator=CALCULATOR, budget={"evaluations": 1}
    )
    campaign.drive()
    (evaluation,) = campaign.evaluations()
    assert evaluation.state is EvaluationState.DONE, campaign.say("log", "small", "--all")
    assert campaign.attempts() == [[]]
    outcome = evaluation.outcome
    told = outcome.properties["calculation"]
    assert told["ranks"] == 2
    assert outcome.cores == 2
    assert outcome.provenance.host in ("n1", "n2")
    assert (outcome.provenance.code, outcome.provenance.model) == ("gpaw", "LDA")
    assert outcome.provenance.model_sha256 == evaluation.outcome.provenance.settings["setups_sha256"]
    # What the code wrote came back through the shared folder and the artifact store.
    assert "gpaw.txt" in outcome.artifacts
    assert told["electrons"] == 3 * outcome.properties["n_atoms"]
