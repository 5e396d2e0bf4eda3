"""Predicted probabilities against observed frequencies, in numbers and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

EDGES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
STOPS = ((5.0, 0.7), (5.0, 0.8), (10.0, 0.8), (20.0, 0.9))
"""Stop rules that are compared: tolerance and probability."""


def summary(campaigns: Sequence[JsonDict]) -> JsonDict:
    """Reliability as drawn and as said, per system and for whole campaigns, and what stop rules would have done.

    Args:
        campaigns: Each with its answers.
    """
    answers = [answer for campaign in campaigns for answer in campaign["answers"]]
    right = np.concatenate([answer["right"] for answer in answers]).astype(float)
    said = np.concatenate([answer["said"] for answer in answers])
    drawn = np.concatenate([answer["drawn"] for answer in answers])
    together = np.array([np.prod(answer["said"]) for answer in answers])
    all_right = np.array([all(answer["right"]) for answer in answers], dtype=float)
    return {
        "n_campaigns": len(campaigns),
        "reliability": binned(said, right),
        "reliability_as_drawn": binned(drawn, right),
        "reliability_together": binned(together, all_right),
        "brier": {"said": brier(said, right), "drawn": brier(drawn, right), "together": brier(together, all_right)},
        "stop_rules": [stopped(campaigns, within, probability) for within, probability in STOPS],
    }


def brier(said: FloatArray, right: FloatArray) -> float:
    """Brier score: mean squared difference of probability and outcome."""
    return float(np.square(said - right).mean())


def binned(said: FloatArray, right: FloatArray) -> list[JsonDict]:
    """Mean predicted probability and observed frequency, by predicted probability.

    Answers of one campaign are not independent, so the counts are no measure of precision.
    """
    place = np.clip(np.digitize(said, EDGES) - 1, 0, len(EDGES) - 2)
    return [
        {"said": float(said[place == b].mean()), "right": float(right[place == b].mean()), "answers": int((place == b).sum())}
        for b in range(len(EDGES) - 1)
        if (place == b).any()
    ]


def stopped(campaigns: Sequence[JsonDict], within: float, probability: float) -> JsonDict:
    """Effect of a stop rule: how many campaigns it ends, after how many evaluations, and how many correctly."""
    numbers, right = [], []
    for campaign in campaigns:
        for answer in campaign["answers"]:
            if answer["tolerance"] == within and np.prod(answer["said"]) >= probability:
                numbers.append(answer["number"])
                right.append(all(answer["right"]))
                break
    return {
        "within": within,
        "probability": probability,
        "stopped": len(numbers),
        "right": float(np.mean(right)) if right else None,
        "mean_evaluations": float(np.mean(numbers)) if numbers else None,
    }


def draw_reliability(found: JsonDict, path: Path) -> None:
    """Draws share right against probability said, before and after the correction."""
    with figure_file(path, 4.6, 4.2, dpi=160) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#9a9a9a", lw=1, ls="--")
        for key, label, colour in (
            ("reliability_as_drawn", "as drawn from the posterior", "#d98b2b"),
            ("reliability", "as said, per boundary", "#3b76b0"),
            ("reliability_together", "as said, both boundaries", "#b03a48"),
        ):
            lines = found[key]
            axes.plot(
                [line["said"] for line in lines], [line["right"] for line in lines], "o-", color=colour, label=label, lw=1.5
            )
        axes.set_xlabel("probability that nothing better remains")
        axes.set_ylabel("how often nothing better remained")
        axes.set_title(f"{found['n_campaigns']} replayed campaigns", fontsize="medium")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.legend(loc="upper left")
