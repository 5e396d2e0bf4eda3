"""Cross-covariances of a pool with torch: one code for the processor and for a GPU.

Numbers are the same as with numpy up to rounding; all arithmetic is in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.specs.site import DeviceName
from tansaku.models.engine.kernels import (
    Factor,
    Linear,
    Parameters,
    Same,
    Stationary,
    Task,
    Term,
    coordinates,
    correlation,
    factor_codes,
    task_correlations,
)

if TYPE_CHECKING:
    import torch

Device = Literal["numpy", "cpu", "cuda"]
"""Device of the covariances: numpy, or torch on the processor or a GPU."""

_ROWS_PER_CHUNK = 64
_POINTS_AT_ONCE = 16
_BLOCK = 2**15


def resolve_device(name: DeviceName) -> Device:
    """The device a site names; ``auto`` is a GPU where torch sees one, else numpy.

    Raises:
        MissingComponentError: torch is not installed, or it sees no GPU.
    """
    if name == "numpy":
        return "numpy"
    if find_spec("torch") is None:
        if name == "auto":
            return "numpy"
        raise MissingComponentError(
            f"engine.device: {name} needs torch, which is not installed", hint="pip install 'tansaku[torch]'"
        )
    import torch

    if name == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if name == "auto":
        return "numpy"
    raise MissingComponentError(
        "engine.device: cuda, but torch sees no CUDA device", hint="engine.device: auto takes one if there is one"
    )


@dataclass(frozen=True)
class _OnDevice:
    """A factor's distinct rows on the device.

    Attributes:
        codes: Distinct row of each candidate, shape ``(n_candidates,)``.
        rows: Scaled coordinates, shape ``(n_distinct, m)``; a task's correlations; None for a random effect.
        weights: Of each column where columns are compared, shape ``(m,)``.
    """

    codes: torch.Tensor
    rows: torch.Tensor | None = None
    weights: torch.Tensor | None = None


class DeviceRows:
    """Cross-covariances for any kernel: one row per point, kept on the device up to a memory limit.

    Args:
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        device: ``cpu`` or ``cuda``.
        memory_limit: Bytes of kept rows; rows beyond it are computed again at every use.
    """

    rounded = False

    def __init__(
        self, pool: CandidatePool, terms: tuple[Term, ...], parameters: Parameters, device: Device, memory_limit: int
    ) -> None:
        import torch

        self._torch, self._device = torch, torch.device(device)
        self._size = len(pool)
        self._terms = [(term.variance(parameters), term.factors) for term in terms]
        factors = {factor: None for term in terms for factor in term.factors}
        self._factors = {factor: self._prepared(factor, pool, parameters) for factor in factors}
        self._points: list[int] = []
        self._chunks: list[torch.Tensor] = []
        self._n_kept = memory_limit // (8 * len(pool))

    def append(self, position: int) -> FloatArray:
        """Adds a point; returns its covariances with the earlier ones, shape ``(n_points,)``."""
        row = self._rows([position])[0]
        earlier: FloatArray = row[self._points].cpu().numpy()
        at = len(self._points)
        self._points.append(position)
        if at < self._n_kept:
            chunk, offset = divmod(at, _ROWS_PER_CHUNK)
            if chunk == len(self._chunks):
                count = min(_ROWS_PER_CHUNK, self._n_kept - at)
                self._chunks.append(self._torch.empty((count, self._size), dtype=row.dtype, device=self._device))
            self._chunks[chunk][offset] = row
        return earlier

    def truncate(self, count: int) -> None:
        """Forgets all points but the first ``count``."""
        del self._points[count:]
        del self._chunks[-(-min(count, self._n_kept) // _ROWS_PER_CHUNK) :]

    def weighted(self, weights: FloatArray) -> FloatArray:
        """Σ_i w_ij k(point i, candidate)."""
        given = self._tensor(weights)
        total = self._torch.zeros((weights.shape[1], self._size), dtype=given.dtype, device=self._device)
        for start, rows in self._row_blocks():
            total += given[start : start + len(rows)].T @ rows
        result: FloatArray = total.cpu().numpy()
        return result

    def explained(self, lower: FloatArray) -> FloatArray:
        """Variance that the points take from each candidate: squared length of the whitened covariances."""
        factor = self._tensor(lower)
        total = np.empty(self._size)
        for begin in range(0, self._size, _BLOCK):
            block = slice(begin, min(begin + _BLOCK, self._size))
            kept = [rows[:, block] for _, rows in self._kept_blocks()]
            beyond = self._points[self._n_kept :]
            rows = self._torch.cat([*kept, self._rows(beyond, block)] if beyond else kept)
            white = self._torch.linalg.solve_triangular(factor, rows, upper=False)
            total[block] = white.square().sum(dim=0).cpu().numpy()
        return total

    def _kept_blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        kept = min(len(self._points), self._n_kept)
        for i, chunk in enumerate(self._chunks):
            yield i * _ROWS_PER_CHUNK, chunk[: kept - i * _ROWS_PER_CHUNK]

    def _row_blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        yield from self._kept_blocks()
        for at in range(self._n_kept, len(self._points), _POINTS_AT_ONCE):
            yield at, self._rows(self._points[at : at + _POINTS_AT_ONCE])

    def _tensor(self, values: FloatArray) -> torch.Tensor:
        return self._torch.tensor(np.ascontiguousarray(values), device=self._device)

    def _prepared(self, factor: Factor, pool: CandidatePool, parameters: Parameters) -> _OnDevice:
        codes = self._torch.tensor(factor_codes(factor, pool), device=self._device)
        match factor:
            case Same():
                return _OnDevice(codes)
            case Task(_, weights, rank):
                return _OnDevice(codes, self._tensor(task_correlations(parameters[weights].reshape(-1, rank))))
            case Linear():
                return _OnDevice(codes, self._tensor(coordinates(factor, pool)))
            case Stationary():
                x, length = coordinates(factor, pool), parameters[factor.lengthscale]
                if factor.metric == "overlap":
                    return _OnDevice(codes, self._tensor(x), self._tensor(np.broadcast_to(length**-2.0, (x.shape[1],))))
                if factor.metric == "periodic":
                    length = np.tile(np.broadcast_to(length, (x.shape[1] // 2,)), 2)
                return _OnDevice(codes, self._tensor(x / length))

    def _rows(self, points: list[int], block: slice = slice(None)) -> torch.Tensor:
        """Covariances of points with candidates, shape ``(n_points, n_block)``."""
        done = {factor: self._factor_rows(factor, points, block) for factor in self._factors}
        width = len(range(*block.indices(self._size)))
        total = self._torch.zeros((len(points), width), dtype=self._torch.float64, device=self._device)
        for variance, factors in self._terms:
            product = self._torch.full_like(total, variance)
            for factor in factors:
                product *= done[factor]
            total += product
        return total

    def _factor_rows(self, factor: Factor, points: list[int], block: slice) -> torch.Tensor:
        own = self._factors[factor]
        here, there = own.codes[points], own.codes[block]
        if own.rows is None:
            return (here[:, None] == there[None, :]).to(self._torch.float64)
        mine = own.rows[here]
        if isinstance(factor, Task):
            return mine[:, there]
        # Each distinct row once and then gathered, unless there are fewer candidates than distinct rows.
        gathered = len(own.rows) < len(there)
        others = own.rows if gathered else own.rows[there]
        if not isinstance(factor, Stationary):
            found = mine @ others.T
        else:
            squared = self._torch.zeros((len(points), len(others)), dtype=self._torch.float64, device=self._device)
            for column in range(others.shape[1]):
                a, b = mine[:, column, None], others[None, :, column]
                squared += (a - b).square_() if own.weights is None else (a != b) * own.weights[column]
            found = correlation(factor.profile, squared, self._torch.exp, self._torch.sqrt)
        return found[:, there] if gathered else found
