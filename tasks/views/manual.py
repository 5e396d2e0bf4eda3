"""Proposals that wait for reported values."""

from __future__ import annotations

from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState
from tansaku.tasks.views.evaluation_arrays import EvaluationArrays


def waiting_numbers(spec: CampaignSpec, arrays: EvaluationArrays) -> tuple[int, ...]:
    """Numbers of the proposals that wait for values; none where values are computed."""
    return tuple(arrays.numbers[~arrays.terminal].tolist()) if spec.manual else ()


def or_waiting(state: CampaignState, waiting: tuple[int, ...]) -> CampaignState:
    """The state of a campaign; WAITING in place of INTERRUPTED where people or robots have to report values."""
    return CampaignState.WAITING if waiting and state is CampaignState.INTERRUPTED else state
