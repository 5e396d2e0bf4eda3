"""Rows of an exported campaign: one for each evaluation."""

from __future__ import annotations

import pyarrow as pa
from pydantic import AwareDatetime

from tansaku.models.domain.evaluation_columns import EXPORTED
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.tasks.backends.stores.export_reader import RECORD

_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), AwareDatetime: pa.timestamp("ms", tz="UTC")}

FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    *((column.exported, _TYPES.get(column.kind, pa.string())) for column in EXPORTED),
    (RECORD, pa.string()),
)
"""Columns of the file; the last one is for the import."""


def exported_row(evaluation: Evaluation, unit: str) -> JsonDict:
    """The columns of an evaluation that are for reading.

    Args:
        unit: Of its value. Nothing else of the spec is asked, so a campaign whose plug-in is gone is exported too.
    """
    return {column.exported: unit if column.name == "unit" else column.stored(evaluation) for column in EXPORTED}
