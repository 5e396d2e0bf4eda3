"""Energy contributions reported by a calculation, as properties of its data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.engines.energy_partition import PARTS

if TYPE_CHECKING:
    from tansaku.models.domain.pool import FloatArray
    from tansaku.models.domain.records import Evaluation


def parts_of(evaluation: Evaluation) -> dict[str, FloatArray]:
    """Parts by name [eV]; empty where the calculator was not asked for them."""
    known = evaluation.outcome.quantities if evaluation.outcome is not None else {}
    return {name: np.asarray(known[name].value) for name in PARTS if name in known}
