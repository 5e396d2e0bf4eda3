"""A search of tavorites, half done: proposals by the model itself, values that grow with the octahedral ion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from tansaku.models.domain.history import Entry, build_history
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import Choice
from tansaku.models.domain.records import CampaignRecord, Evaluation, Failure, Outcome, Proposal, Provenance, Quantity, Refit
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.models.engine.registry import build_proposer
from tansaku.spaces.registry import open_space
from tansaku.tasks.results import CampaignData

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILURE = Failure(kind=FailureKind.SCIENCE, reason="not_converged", message="no")


def _barrier(value: float, provenance: Provenance) -> Outcome:
    quantities = {"spread": 0.01, "barrier_1d": value, "barrier_2d": value + 0.1}
    return Outcome(
        value=value,
        quantities={name: Quantity(value=number, unit="eV") for name, number in quantities.items()},
        properties={"networks": {"1d": {"barrier": value, "directions": [[1, 0, -1]], "limiting_hop": "2>3[0,0,1]"}}},
        provenance=provenance,
    )


def _evaluation(number: int, candidate: str, value: float | None, choice: Choice | None) -> Evaluation:
    proposal = Proposal(
        number=number,
        candidate=candidate,
        system=candidate.split("-")[0],
        surface=candidate.split("-")[0],
        source="test",
        predicted_cost=1.0,
        predicted_mean=choice.mean if choice else None,
        predicted_deviation=choice.deviation if choice else None,
        model="default",
    )
    provenance = Provenance(code="emt", code_version="1", tansaku_version="0.1.0")
    outcome = Outcome(failure=FAILURE, provenance=provenance) if value is None else _barrier(value, provenance)
    state = EvaluationState.DONE if value is not None else EvaluationState.FAILED
    return Evaluation(
        id=str(number),
        campaign="tavorites",
        proposal=proposal,
        state=state,
        epoch=1,
        outcome=outcome,
        proposed_at=NOW,
        finished_at=NOW,
    )


@pytest.fixture(scope="session")
def tavorite_search(require) -> Callable[..., CampaignData]:
    """``tavorite_search(24, proposer={...})``: a campaign after as many evaluations, the fifth of which failed."""
    require("pymatgen")

    def build(count: int, **proposer: object) -> CampaignData:
        document = {
            "schema_version": 1,
            "name": "tavorites",
            "space": {
                "type": "composition",
                "parent": {"prototype": "tavorite"},
                "sites": {"A": {"ions": ["Li+"]}, "M": {"ions": ["Mg2+", "Mn2+", "Fe2+", "Al3+", "V3+", "Y3+", "Ti4+"]}},
            },
            "calculator": {"type": "chgnet", "workflow": {"type": "migration_barrier", "ion": "Li"}},
            "objective": {"unit": "eV"},
            "proposer": {
                key: value for key, value in ({"type": "gp", "preset": "default"} | proposer).items() if value is not None
            },
        }
        spec = CampaignSpec.model_validate(document)
        space = open_space(spec.space, None)
        pool = space.pool()
        site = pool.groups["site_m"]
        truth = 0.2 + (site.values[site.index, 0] - 0.7) ** 2 * 5.0  # eV, lowest at a radius of 0.7 Å
        engine = build_proposer(spec.proposer)
        entries: list[Entry] = []
        evaluations: list[Evaluation] = []
        refits: list[Refit] = []
        for number in range(1, count + 1):
            history = build_history(entries, number - 1)
            seen = [refit.hyperparameters["n_observed"] for refit in refits]
            if spec.proposer.type == "gp" and len(history.observed) and engine.refit_due(len(history.observed), seen):
                previous = refits[-1].hyperparameters if refits else None
                refits.append(
                    Refit(
                        campaign="tavorites",
                        number=len(refits) + 1,
                        at_proposal=number,
                        horizon=number - 1,
                        hyperparameters=engine.fit(pool, history, previous),
                        fitted_at=NOW,
                    )
                )
            fitted = refits[-1].hyperparameters if refits else None
            choice = engine.propose(pool, history, number, proposal_rng(0, number), fitted)
            value = None if number == 5 else float(truth[choice.position])
            evaluations.append(_evaluation(number, str(pool.ids[choice.position]), value, choice))
            state = evaluations[-1].state
            blame = None if value is not None else FailureKind.SCIENCE
            entries.append(Entry(number, choice.position, 1.0, state=state, value=value, failure=blame))
        record = CampaignRecord(
            name="tavorites",
            spec=spec.model_dump(mode="json"),
            spec_hash="0" * 64,
            base_path="",
            tansaku_version="0.1.0",
            created_at=NOW,
        )
        assert np.isfinite(truth).all()
        return CampaignData(record, spec, space, tuple(evaluations), tuple(refits))

    return build
