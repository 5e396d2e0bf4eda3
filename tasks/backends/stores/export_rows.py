"""Columns of an exported campaign: one row per evaluation."""

from __future__ import annotations

import pyarrow as pa

from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.backends.stores.export_reader import RECORD

COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("evaluation", pa.string()),
    ("number", pa.int64()),
    ("candidate", pa.string()),
    ("system", pa.string()),
    ("surface", pa.string()),
    ("source", pa.string()),
    ("replicate", pa.int64()),
    ("purpose", pa.string()),
    ("initial", pa.bool_()),
    ("state", pa.string()),
    ("value", pa.float64()),
    ("unit", pa.string()),
    ("cost", pa.float64()),
    ("reason", pa.string()),
    ("message", pa.string()),
    ("attempts", pa.int64()),
    ("wall_time", pa.float64()),
    ("predicted_by", pa.string()),
    ("deviation", pa.float64()),
    ("predicted_mean", pa.float64()),
    ("predicted_deviation", pa.float64()),
    ("model", pa.string()),
    ("proposed_at", pa.timestamp("ms", tz="UTC")),
    ("finished_at", pa.timestamp("ms", tz="UTC")),
    (RECORD, pa.string()),
)


PLAIN_COLUMNS = tuple(name for name, _ in COLUMNS if name != RECORD)
"""Names of the columns that are for reading."""


def observation_row(evaluation: Evaluation, unit: str) -> JsonDict:
    """The columns of an evaluation.

    Args:
        evaluation: As stored.
        unit: Of its value.
    """
    proposal, outcome = evaluation.proposal, evaluation.outcome
    failure = None if outcome is None else outcome.failure
    return {
        "evaluation": evaluation.id,
        **proposal.model_dump(include={name for name, _ in COLUMNS}),
        "state": evaluation.state.value,
        "value": None if outcome is None else outcome.value,
        "unit": unit,
        "cost": 0.0 if evaluation.done_as is not None else proposal.predicted_cost,
        "reason": failure.reason if failure is not None else "done_otherwise" if evaluation.done_as is not None else None,
        "message": None if failure is None else failure.message,
        "attempts": len(evaluation.attempts),
        "wall_time": None if outcome is None else outcome.wall_time,
        "predicted_by": None if outcome is None else outcome.predicted_by,
        "deviation": None if outcome is None else outcome.deviation,
        "proposed_at": evaluation.proposed_at,
        "finished_at": evaluation.finished_at,
        RECORD: evaluation.model_dump_json(),
    }
