"""Changes of boundary energies with thicker grains."""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.node.jobs.document import GRAIN_THICKNESSES, THICKNESS_CHANGE

TOLERANCE = 2e-3
"""A change of the energy by more is reported [J/m^2]."""


def thickness_report(evaluation: Evaluation | None) -> JsonDict | None:
    """The thicknesses of a final relaxation that was repeated with thicker grains.

    Returns:
        ``grains``: a row for each relaxation; ``change``: energy of the last less that of the first [J/m^2], None where the
        first failed; ``matters``: whether it is more than ``TOLERANCE`` or not known. None where it was not repeated.
    """
    outcome = evaluation.outcome if evaluation is not None else None
    if outcome is None or GRAIN_THICKNESSES not in outcome.properties:
        return None
    change = outcome.properties[THICKNESS_CHANGE]
    matters = change is None or abs(change) > TOLERANCE
    return {"grains": outcome.properties[GRAIN_THICKNESSES], "change": change, "matters": matters}


def thickness_lines(rows: Sequence[JsonDict]) -> list[str]:
    """A line for each system whose energy changed with the thickness of its grains.

    Args:
        rows: Of the systems, as :func:`system_rows` gives them.
    """
    lines = []
    for row in rows:
        report = row["thickness"]
        if report is None or not report["matters"]:
            continue
        first, last = report["grains"][0], report["grains"][-1]
        change = report["change"]
        effect = (
            f"change it by {1000 * change:+.1f} mJ/m2" if change is not None else f"give a value ({first['failure']} before)"
        )
        thickness = f"grains of {last['thickness']:.0f} instead of {first['thickness']:.0f} Å"
        lines.append(f"{row['system']}: {thickness} {effect}; the value of the thicker grains is shown")
    return lines
