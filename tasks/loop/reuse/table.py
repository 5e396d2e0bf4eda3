"""A table of earlier values of candidates, compared with the space and the level of theory of the campaign that adopts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tansaku
from tansaku.models.domain.adoption import Known, Origin
from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.levels import level_in_words
from tansaku.models.domain.ports import RefinedSpace, Space
from tansaku.models.domain.records import Outcome, Provenance
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.units import convert


def known_values(spec: CampaignSpec, base_path: Path, space: Space) -> list[Known]:
    """The values of a campaign's table, in its order; none without a table.

    Args:
        base_path: Folder in which its relative paths start.

    Raises:
        ConfigurationError: The table is missing or another one, its level of theory is not the campaign's, or a row has no
            finite value, another row's candidate, or one that is not in the space.
    """
    known, calculator, unit = spec.known, spec.calculator, spec.objective.unit
    if known is None or calculator is None:
        return []
    level = level_in_words(calculator.model_dump(mode="json"))
    if known.level != level:
        raise ConfigurationError(
            f"known.level: {shown(known.level)}; expected {level!r}, by which the campaign computes",
            hint="a campaign learns from values of another level of theory by transfer",
        )
    try:
        factor = convert(1.0, known.unit or unit, unit)
    except ValueError as error:
        raise ConfigurationError(f"known.unit: {error}") from error
    from tansaku.spaces.table_file import TableFile  # with pyarrow, which few campaigns need here

    file = TableFile(base_path / known.file, "known.file", known.sha256)
    columns = file.read([file.require(known.candidate, "known.candidate"), file.require(known.value, "known.value")])
    names = columns.text(known.candidate, "known.candidate", fractions=False).tolist()
    values = columns.numbers(known.value, "known.value") * factor
    _check(names, values.tolist(), space)
    provenance = Provenance(
        code=calculator.code_name(),
        code_version="unknown",
        tansaku_version=tansaku.__version__,
        settings=settings_of(calculator),
    )
    return [
        Known(
            origin=Origin(campaign="", created_at=None, number=row, candidate=name, file=file.path.name),
            outcome=Outcome(value=value, provenance=provenance),
            candidates=(name,),
        )
        for row, (name, value) in enumerate(zip(names, values.tolist(), strict=True), start=1)
    ]


def _check(names: list[str], values: list[float], space: Space) -> None:
    first = dict[str, int]()
    for row, (name, value) in enumerate(zip(names, values, strict=True), start=1):
        if not np.isfinite(value):
            raise ConfigurationError(f"known.value: row {row} ({shown(name)}) has no finite value; remove the row")
        if first.setdefault(name, row) != row:
            raise ConfigurationError(f"known.candidate: {shown(name)} is in rows {first[name]} and {row}; expected it once")
    try:
        (space.refined(names, []) if isinstance(space, RefinedSpace) else space.pool()).positions(names)
    except NotFoundError as error:
        raise ConfigurationError(f"known.candidate: {error.message}") from error
