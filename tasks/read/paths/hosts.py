"""Relaxed hosts of a campaign's computed points."""

from __future__ import annotations

import numpy as np

from tansaku.calculators.structures.ion_grid import host_symmetry
from tansaku.calculators.workflows.diffusion.host_jumps import HostFrame, RelaxedHosts
from tansaku.models.domain.ports import ArtifactStore, SurfaceSpace
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.views.origins import value_of
from tansaku.tasks.read.views.results import CampaignData


def relaxed_frames(data: CampaignData, space: SurfaceSpace, artifacts: ArtifactStore | None) -> dict[int, HostFrame]:
    """Hosts of all computed points whose structures are stored, by candidate; none where the host is rigid.

    Raises:
        StoreError: A stored structure cannot be read.
    """
    if space.rigid or artifacts is None:
        return {}
    found = {}
    for evaluation in data.select("search"):
        sha256 = None if evaluation.outcome is None else evaluation.outcome.artifacts.get(STRUCTURE_FILE)
        if value_of(evaluation) is None or sha256 is None or not artifacts.exists(sha256):
            continue
        name = evaluation.proposal.candidate
        (candidate,) = data.pool.positions([name]).tolist()
        # The point itself: an ion in a plane goes a little way from it.
        point = space.structure(name).positions[-1]
        found[candidate] = HostFrame(point, read_structure(evaluation, artifacts).positions[:-1])
    return found


def host_of(space: SurfaceSpace) -> RelaxedHosts:
    """The host without the ion, as it is computed, and its symmetry."""
    ideal, unit = space.structure_at(np.zeros(3)), space.host
    return RelaxedHosts(ideal.positions[:-1], ideal.cell.array, unit.cell.array, host_symmetry(unit))
