"""The Firetask of tansaku: passes a validated request to the function that computes on this node."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fireworks.core.firework import FiretaskBase, FWAction

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.launchers.fireworks_documents import TASK_NAME

Compute = Callable[[str, JsonDict, str], JsonDict]

_COMPUTE: list[Compute] = []


def compute_with(compute: Compute) -> None:
    """Sets the function that computes in this process, called with campaign, request and the hash of the whole request.

    It returns the data for the LaunchPad, including the token, and raises if there is no result. FireWorks makes the task
    from a document, so nothing but this module can hand it over.
    """
    _COMPUTE[:] = [compute]


class EvaluationTask(FiretaskBase):  # type: ignore[misc]
    """Computes one evaluation. Its parameters are plain text: see :func:`task_document`."""

    _fw_name = TASK_NAME
    required_params = ("campaign", "name", "request", "request_sha256")

    def run_task(self, fw_spec: Mapping[str, Any]) -> FWAction:  # noqa: ARG002 - FireWorks' signature
        """Computes; the result is in the job's folder before this returns."""
        stored = _COMPUTE[0](self["campaign"], json.loads(self["request"]), self["request_sha256"])
        return FWAction(stored_data=stored)
