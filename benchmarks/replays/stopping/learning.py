"""Constants of the correction, by maximum likelihood from predicted and actual outcomes of campaigns on tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.certificate import AS_DRAWN, Calibration

_LEAST = 1e-6


def learn(campaigns: Mapping[str, Sequence[JsonDict]]) -> JsonDict:
    """Constants from all tables, and for each table what those from the other ones are worth on it.

    Args:
        campaigns: By table, each with its answers.
    """
    answers = {name: _answers(made) for name, made in campaigns.items()}
    judged = {}
    for name, mine in answers.items():
        others = [item for other, theirs in answers.items() if other != name for item in theirs]
        judged[name] = {
            "campaigns": len(campaigns[name]),
            "answers": len(mine),
            "log_loss_as_drawn": log_loss(AS_DRAWN, mine),
            "log_loss_by_the_others": log_loss(fitted(others), mine) if others else None,
        }
    everything = [item for mine in answers.values() for item in mine]
    best = fitted(everything)
    return {"constants": vars(best), "log_loss": log_loss(best, everything), "tables": judged}


def fitted(answers: Sequence[tuple[float, float, float, bool]]) -> Calibration:
    """The constants under which the answers are most likely.

    Args:
        answers: Probability as drawn, observations per system, open share, and whether nothing better remained.
    """

    def loss(constants: FloatArray) -> float:
        return log_loss(Calibration(*constants.tolist()), answers)

    return Calibration(*minimize(loss, np.array([0.0, 1.0, 0.0]), method="Nelder-Mead").x.tolist())


def log_loss(calibration: Calibration, answers: Sequence[tuple[float, float, float, bool]]) -> float:
    """Mean negative logarithm of the probability of the outcome [nats]."""
    said = np.array([calibration(drawn, observations, open_) for drawn, observations, open_, _ in answers])
    right = np.array([answer for *_, answer in answers])
    return float(-np.log(np.clip(np.where(right, said, 1.0 - said), _LEAST, 1.0)).mean())


def print_learned(learned: JsonDict) -> None:
    """Constants and losses, one line each."""
    print(", ".join(f"{name} {value:.3f}" for name, value in learned["constants"].items()))
    for name, table in learned["tables"].items():
        others = table["log_loss_by_the_others"]
        text = "" if others is None else f", by the constants of the others {others:.2f}"
        print(f"{name}: {table['campaigns']} campaigns, log loss as drawn {table['log_loss_as_drawn']:.2f}{text}")


def _answers(campaigns: Sequence[JsonDict]) -> list[tuple[float, float, float, bool]]:
    """One for each system of each answer."""
    return [
        (drawn, answer["observations"], open_, right)
        for campaign in campaigns
        for answer in campaign["answers"]
        for drawn, open_, right in zip(answer["drawn"], answer["open"], answer["right"], strict=True)
    ]
