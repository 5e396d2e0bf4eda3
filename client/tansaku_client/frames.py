"""Evaluations and points as frames, the same for tansaku and for its clients."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# First what a reader looks for.
_FIRST = ("candidate", "system", "surface", "value", "state", "round")
_TIMES = ("proposed_at", "finished_at")
_ALONG = "along"
OF_POINTS = (_ALONG, "mean", "deviation", "acquisition")
"""Columns of frames of points besides those that describe them."""


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Evaluation rows as a frame, indexed by proposal number."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=[*_FIRST, *(name for name in (rows[0] if rows else ()) if name not in _FIRST)])
    for column in _TIMES:
        if column in frame:
            frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame.set_index("round", drop=False).rename_axis("number")


def with_cells(frame: pd.DataFrame, cells: Iterable[Mapping[str, str | float]]) -> pd.DataFrame:
    """A frame of evaluations with the columns that describe its candidates.

    Args:
        frame: As :func:`frame_of` gives it; ``cells.NAME`` is the column that would have the name of one of its own.
        cells: Description of the candidate of each row.
    """
    return frame.join(_described(cells, frame.index, frame))


def _described(cells: Iterable[Mapping[str, str | float]], index: pd.Index[Any], taken: Container[str]) -> pd.DataFrame:
    """Descriptions of candidates, one row each; ``cells.NAME`` is the column whose name is taken."""
    import pandas as pd

    frame = pd.DataFrame(list(cells), index=index)
    return frame.rename(columns={name: f"cells.{name}" if name in taken else name for name in frame})


def points_frame(
    candidates: Sequence[str],
    cells: Iterable[Mapping[str, str | float]],
    columns: Mapping[str, Sequence[float] | npt.NDArray[np.float64]],
) -> pd.DataFrame:
    """Points as a frame, one row each, indexed by candidate: what describes them, and what is said of them.

    Args:
        candidates: Ids.
        cells: Description of each; ``cells.NAME`` is the column that would have one of the names ``OF_POINTS``.
        columns: Numbers of each, by name.
    """
    import pandas as pd

    return _described(cells, pd.Index(candidates, name="candidate"), OF_POINTS).assign(**columns)


def point_column(name: str) -> str:
    """The column of a frame of points with what describes them by a name."""
    return f"cells.{name}" if name in OF_POINTS else name


def slices_frame(along: Sequence[str], points: pd.DataFrame) -> pd.DataFrame:
    """Slices as a frame: the parameter that each point lies along, then the points.

    Args:
        along: Name of a parameter for each row.
        points: As :func:`points_frame` gives them.
    """
    frame = points.reset_index(drop=True)
    frame.insert(0, _ALONG, along)
    return frame


def importance_series(shares: Mapping[str, float]) -> pd.Series[float]:
    """Shares of groups of features, the largest first."""
    import pandas as pd

    return pd.Series(shares, name="importance", dtype=float).sort_values(ascending=False)
