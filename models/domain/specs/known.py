"""Results that a campaign knows before its first proposal because their owner has a table of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tansaku.models.domain.specs.base import PLAIN_TEXT, FilePath, NamesFile, Sha256, Spec
from tansaku.models.domain.units import Unit

_Text = Annotated[str, Field(min_length=1, max_length=1000), PLAIN_TEXT]


class KnownSpec(Spec):
    """A table of earlier values of candidates. They cost nothing, and are frozen when the campaign is created.

    Attributes:
        file: A CSV or Parquet table with one row for each candidate.
        level: Level of theory of the values, in the words in which `tansaku check` describes that of the campaign; values of
            another level are refused, a campaign can learn from those by ``transfer``.
        candidate: Column with the ids of candidates.
        value: Column with their values of the objective.
        unit: Unit of the values; None: the objective's.
        sha256: Content hash of the table; filled in when the campaign is created.
    """

    file: Annotated[FilePath, NamesFile("table")]
    level: _Text
    candidate: _Text = "candidate"
    value: _Text = "value"
    unit: Unit | None = None
    sha256: Sha256 | None = None
