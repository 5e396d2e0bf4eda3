"""Reads snapshots: a text file of traces, arrays of a field, or velocities of a trajectory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.modes.dynamics import Snapshots
from tansaku.sparse.tasks.number_file import check_sizes, read_numbers

_MOST_CHANNELS = 10_000  # of a text file
_MOST_TIMES = 20_000
_LARGEST_BYTES = 200_000_000
_MOST_VALUES = 50_000_000
_TRAJECTORIES = (".xyz", ".extxyz", ".traj")


def read_snapshots(path: Path, step: float | None = None) -> Snapshots:
    """Reads a file by its suffix.

    Args:
        path: ``.npz`` with ``time`` (n_times,) and ``values`` (n_times, ...); ``.xyz``, ``.extxyz`` or ``.traj`` with
            velocities, which are multiplied by the square root of the mass; else text with the time and one or more channels.
        step: Time between two frames; of trajectories only.

    Raises:
        ConfigurationError: The file cannot be read or used.
    """
    trajectory = path.suffix in _TRAJECTORIES
    if trajectory != (step is not None) or (step is not None and not (np.isfinite(step) and step > 0.0)):
        raise ConfigurationError(
            f"{path}: --time-step is the time between two frames of a trajectory (above 0), and of a trajectory only"
        )
    if step is not None:
        values = _velocities(path)
        times = np.arange(len(values), dtype=np.float64) * step
    elif path.suffix == ".npz":
        times, values = _arrays(path)
    else:
        rows = read_numbers(path, _LARGEST_BYTES, lambda count: 2 <= count <= 1 + _MOST_CHANNELS, "at least 2")
        times, values = rows[:, :1].ravel(), rows[:, 1:]
    if len(times) > _MOST_TIMES:
        raise ConfigurationError(f"{path}: {len(times)} times, at most {_MOST_TIMES}", hint="take every second or third")
    try:
        return Snapshots.at(np.asarray(times, dtype=np.float64), np.ascontiguousarray(values.T, dtype=np.float64))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _arrays(path: Path) -> tuple[FloatArray, FloatArray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            times, values = held["time"], held["values"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{path}: expected arrays `time` and `values`: {error}") from error
    if times.ndim != 1 or values.ndim < 1 or len(values) != len(times) or values.size > _MOST_VALUES:
        raise ConfigurationError(
            f"{path}: time {times.shape}, values {values.shape}: expected (n_times,) and (n_times, ...), "
            f"at most {_MOST_VALUES} values"
        )
    for name, array in (("time", times), ("values", values)):
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ConfigurationError(f"{path}: {name} has values that are not finite real numbers")
        check_sizes(array.astype(np.float64), path)
    return times.astype(np.float64), values.reshape(len(times), -1)


def _velocities(path: Path) -> FloatArray:
    """Velocities times the root of the mass, (n_times, 3 n_atoms): their squares add up to twice the kinetic energy."""
    from ase.io import iread

    rows: list[FloatArray] = []
    try:
        for atoms in iread(path, index=":"):
            if not atoms.has("momenta"):
                raise ConfigurationError(f"{path}, frame {len(rows)}: it has no velocities")
            if rows and len(rows[0]) != 3 * len(atoms):
                raise ConfigurationError(f"{path}, frame {len(rows)}: {len(atoms)} atoms, {len(rows[0]) // 3} in the first")
            rows.append((atoms.get_momenta() / np.sqrt(atoms.get_masses())[:, None]).ravel())
            if len(rows) * len(rows[0]) > _MOST_VALUES:
                raise ConfigurationError(f"{path}: more than {_MOST_VALUES} velocities")
    except ConfigurationError:
        raise
    except Exception as error:  # the parsers meet bad files with whatever their next line raises; all are re-raised as ours
        raise unreadable(path, "", error, "a trajectory") from error
    return np.array(rows).reshape(len(rows), -1 if rows else 0)
