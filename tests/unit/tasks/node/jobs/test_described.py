"""What a function of a script is computed with."""

from __future__ import annotations

from tansaku.models.domain.specs.parameters import ParametersSpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.opened import opened_space


def test_a_worker_s_candidates_are_those_of_the_campaign_in_whatever_order_its_parameters_stand(tmp_path):
    numbers = {name: {"type": "number", "low": 0.0, "high": 1.0} for name in ("temperature", "share")}
    spec = ParametersSpaceSpec.model_validate({"type": "parameters", "parameters": numbers})
    space, of_worker = open_space(spec, tmp_path), opened_space(spec, str(tmp_path))
    for candidate in space.pool().ids[:5]:
        assert of_worker.cells(candidate) == space.cells(candidate)
