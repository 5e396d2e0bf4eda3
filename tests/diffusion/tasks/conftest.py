"""A search for the bottleneck of H in rigid Al, by EMT."""

from __future__ import annotations

from pathlib import Path

import pytest

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.history import Entry, build_history
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.records import Evaluation, Outcome, Refit
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.read.views.campaign import Campaign
from tests.support.campaign_files import hydrogen_campaign
from tests.support.records import NOW, campaign_record, evaluation_of, proposal_of, read_campaign


@pytest.fixture(scope="session")
def hydrogen() -> Campaign:
    """The campaign after 16 evaluations."""
    spec = CampaignSpec.model_validate(hydrogen_campaign(dimensions=3, evaluations=16))
    space = open_space(spec.space, Path())
    pool, engine = space.pool(), build_proposer(spec.proposer, spec.objective)
    calculator = open_calculator(spec.calculator, Path())
    entries: list[Entry] = []
    evaluations: list[Evaluation] = []
    refits: list[Refit] = []
    for number in range(1, 17):
        history = build_history(entries, number - 1)
        if engine.refit_due(len(history.observed), [refit.hyperparameters["n_observed"] for refit in refits]):
            before = refits[-1].hyperparameters if refits else None
            fitted = engine.fit(pool, history, before)
            refits.append(
                Refit(
                    campaign="h-in-al",
                    number=len(refits) + 1,
                    at_proposal=number,
                    horizon=number - 1,
                    hyperparameters=fitted,
                    fitted_at=NOW,
                )
            )
        choice = engine.propose(pool, history, number, proposal_rng(0, number), refits[-1].hyperparameters if refits else None)
        candidate = str(pool.ids[choice.position])
        energy = 1000.0 * calculator.evaluate(space.structure(candidate)).energy
        predicted = {"predicted_mean": choice.mean, "predicted_deviation": choice.deviation}
        proposal = proposal_of(
            number, candidate=candidate, system=pool.systems[0], surface=pool.surfaces[0], model="default", **predicted
        )
        evaluations.append(evaluation_of(proposal, Outcome(value=energy), campaign="h-in-al", finished_at=NOW))
        entries.append(Entry(number, choice.position, 1.0, state=EvaluationState.DONE, value=energy))
    certificates = tuple(
        Certificate(number=n, horizon=n - 1, searched=n - 1, confidence=0.95, tolerance=t, estimate=e, unit="meV")
        for n, e, t in ((6, None, None), (11, 600.0, 200.0), (17, 550.0, 0.0))
    )
    record = campaign_record(spec, base_path="", tansaku_version="0.1.0")
    return read_campaign(record, spec, evaluations, space=space, refits=tuple(refits), certificates=certificates)
