"""Campaigns on molecules: neighbours of the best are proposed, and a resume makes the same choices."""

from __future__ import annotations

import pytest

from tansaku.models.domain.records import Outcome, Provenance

pytest.importorskip("rdkit", reason="component rdkit: extra molecules")

SPACE = {
    "type": "molecules",
    "seeds": ["COCCOC", "CC#N", "CCOC(C)=O"],
    "generate": {"number": 25},
    "rules": {"elements": ["C", "N", "O"], "max_heavy_atoms": 8},
    "refine": {"around": 1, "neighbours": 20},
}


def oxygens(candidate: str) -> Outcome:
    """A value that anybody can check: the more oxygen and the less carbon, the lower."""
    value = -10.0 * candidate.count("O") + candidate.count("C")
    return Outcome(value=value, provenance=Provenance(code="count", code_version="1", model="", tansaku_version="0"))


CAMPAIGN = {
    "space": SPACE,
    "calculator": {"type": "ase", "name": "tblite", "workflow": {"type": "ion_binding"}},
    "objective": {"unit": "kJ/mol"},
    "budget": {"evaluations": 12},
    "execution": {"in_flight": 2, "polish": 0, "retry_backoff": 0.001},
}


@pytest.mark.parametrize("proposer", [{"type": "gp", "initial_points": 5}, {"type": "sparse", "initial_points": 5}], ids=str)
def test_neighbours_are_proposed_and_a_resume_makes_the_same_choices(open_bench, require, proposer):
    require("tblite")
    whole = open_bench.driven(outcome=oxygens, **CAMPAIGN, proposer=proposer)
    sequence = whole.sequence()
    assert len(sequence) == len(set(sequence)) == 12
    listed = set(whole.launcher.space.pool().ids.tolist())
    assert set(sequence[:5]) <= listed
    assert not set(sequence[5:]) <= listed
    broken = open_bench(outcome=oxygens, **CAMPAIGN, proposer=proposer)
    for at in (6, 9):
        broken.drive(halt_at=at)
    broken.drive()
    assert broken.sequence() == sequence
