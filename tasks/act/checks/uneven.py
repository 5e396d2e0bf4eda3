"""Feature groups in which a few columns with large numbers are all that distances between rows show."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.grammar import ARD_COLUMNS

_MOST_OF = 0.9
_FEW = 0.1


def uneven_groups(spec: CampaignSpec, pool: CandidatePool) -> dict[str, int]:
    """Groups whose columns the preset ``default`` compares as they are, although at most a tenth of them decide.

    Args:
        spec: The campaign.
        pool: Its candidates.

    Returns:
        By group that has a key ``scale``: number of columns that make nine tenths of the mean squared distance.
    """
    proposer = spec.proposer
    if not isinstance(proposer, GPProposerSpec) or proposer.preset != "default" or proposer.kernel is not None:
        return {}
    scaled = [name for name, group in getattr(spec.space, "features", {}).items() if hasattr(group, "scale")]
    found = {}
    for name in scaled:
        group = pool.groups[name]
        width = group.values.shape[1]
        if width > ARD_COLUMNS and not group.mixed and not group.categorical:
            count = _deciding(group)
            if 0 < count <= _FEW * width:
                found[name] = count
    return found


def _deciding(group: FeatureGroup) -> int:
    """Number of columns that make most of the mean squared distance of candidates; 0 where all candidates are the same."""
    weights = np.bincount(group.index, minlength=len(group.values)).astype(np.float64)
    weights /= weights.sum()
    mean = weights @ np.nan_to_num(group.values)
    shares = np.sort(weights @ np.square(np.nan_to_num(group.values) - mean))[::-1]
    total = float(shares.sum())
    return int(np.searchsorted(np.cumsum(shares), _MOST_OF * total)) + 1 if total > 0.0 else 0
