"""All evaluations of a campaign as files for other programs, made while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.evaluation_columns import EXPORTED
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Space
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.backends.stores.campaigns import objective_unit, stored_spec
from tansaku.tasks.backends.stores.export_rows import exported_row
from tansaku.tasks.ground.formats.csv_text import csv_of
from tansaku.tasks.read.views.campaign import Purpose
from tansaku.tasks.read.views.results import each_row, row_cells
from tansaku.tasks.read.views.structures import structure_file, structure_sha256
from tansaku_client.frames import frame_of

_PART = 500  # rows that are in memory at once


def csv_parts(store: CampaignStore, name: str, space: Space | None = None) -> Iterator[str]:
    """Lines of a CSV file: a header, then one evaluation each, with the columns of the Parquet export; no cell is a formula.

    Args:
        space: Its parameters, or the columns of its table, are added where it is given; ``cells.NAME`` is the column that would
            have the name of another.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: An evaluation cannot be read.
    """
    unit = objective_unit(store.campaign(name).spec)
    titles = [column.exported for column in EXPORTED]
    described: list[str] | None = None
    for evaluation in store.each_evaluation(name):
        cells = {} if space is None else _cells(space, evaluation)
        heading = ""
        if described is None:
            described = list(cells)
            heading = csv_line([*titles, *(f"cells.{title}" if title in titles else title for title in described)])
        yield heading + csv_line([*exported_row(evaluation, unit).values(), *(cells.get(title) for title in described)])
    if described is None:
        yield csv_line(titles)


def _cells(space: Space, evaluation: Evaluation) -> JsonDict:
    """Description of a candidate by column; empty where its space no longer knows it."""
    with suppress(NotFoundError):
        return row_cells(space, {"purpose": evaluation.proposal.purpose, "candidate": evaluation.proposal.candidate})
    return {}


def row_parts(store: CampaignStore, name: str, *purposes: Purpose) -> Iterator[str]:
    """Lines of a CSV file: a header, then the row of one evaluation each, some at a time. Raises as :func:`csv_parts`."""
    rows = each_row(stored_spec(store.campaign(name)), store.each_evaluation(name), purposes)
    part = list(islice(rows, _PART))
    yield csv_of(frame_of(part))
    while part := list(islice(rows, _PART)):
        yield csv_of(frame_of(part), heading=False)


def extended_xyz_parts(store: CampaignStore, artifacts: ArtifactStore, name: str) -> Iterator[str]:
    """Frames of an extended XYZ file: the final structures of the evaluations that are stored. Raises as :func:`csv_parts`."""
    store.campaign(name)
    for evaluation in store.each_evaluation(name):
        sha256 = structure_sha256(evaluation)
        if sha256 is not None and artifacts.exists(sha256):
            yield structure_file(evaluation, artifacts, "extxyz").content
