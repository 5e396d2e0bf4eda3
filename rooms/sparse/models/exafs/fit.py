"""Good sets of shells of each number, found without prior structure: added in turn, moved to the best fit, left out again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares, minimize_scalar, nnls

from tansaku.models.averaging.subsets import FloatArray
from tansaku.sparse.models.exafs.shells import ATOMS, Shells, ShellScore
from tansaku.sparse.models.search.exhaustive import Running
from tansaku.sparse.models.search.state_file import Arrays, StateFile

_MORE = 2  # shells added beyond the largest number, from which the best sets are found by leaving out
_ENERGIES = 9  # shifts of energy from which the first shells are searched
_FIRST = 8  # shells by which the shift to begin with is chosen
_EVALUATIONS = 30
_GROWTHS = (-3.0, 4.0)  # powers of k by which weighted noise may grow
_ROUNDS = 3  # in which weights follow the noise, and shells the weights
_DISTANCE, _LOG_VARIANCE, _ENERGY = 1e-4, 1e-3, 1e-2  # steps of numerical derivatives [A], [1], [eV]


@dataclass(frozen=True, eq=False)
class Placed:
    """Shells at a shift of the zero of energy [eV], and the square that they leave over."""

    shells: Shells
    energy: float
    left: float


@dataclass(frozen=True, eq=False)
class ShellFit:
    """Shells fitted to a fine structure.

    Attributes:
        shells: By distance.
        atoms: Number of atoms times S0^2, (n_shells,).
        energy: Shift of the zero of energy [eV].
        model: Sum of the shells, (n_points,).
        background: Smooth remains that are taken out, (n_points,).
        deviation: Of what is left of the weighted fine structure, per degree of freedom. The weights are the score's.
    """

    shells: Shells
    atoms: FloatArray
    energy: float
    model: FloatArray
    background: FloatArray
    deviation: float


class ShellFitter:
    """Finds and fits shells.

    Args:
        score: Of sets of shells.
    """

    def __init__(self, score: ShellScore) -> None:
        self._score = score
        self._coarse = score.coarse()
        self._starts: dict[int, list[Placed]] = {}

    def best_by_number(self, most: int, running: Running | None = None, key: str = "") -> list[Placed]:
        """A good set of each number of shells, 0 to the largest.

        Args:
            most: The largest number.
            running: Where the state is kept, and what receives the share that is done.
            key: Identifies signal and settings; a state of another key is not continued.
        """
        how, largest = Running() if running is None else running, most + _MORE
        file = StateFile(how.state, f"shells {key} {most}")
        stored = file.read()
        sets, left_out = ([], 0) if stored is None else _stored_sets(stored)
        if not sets:
            start = self.starts(most)[0].energy
            sets = [Placed(Shells.none(), start, self._left(Shells.none(), start))]
        while len(sets) <= largest:
            sets.append(self.refined(self._with_next(sets[-1].shells, sets[-1].energy), sets[-1].energy))
            file.write_sometimes(_arrays(sets, 0))
            how.report(0.6 * (len(sets) - 1) / largest)
        for number in range(largest - 1 - left_out, 0, -1):
            kept = self._without_one(sets[number + 1])
            if kept.left < sets[number].left:
                sets[number] = kept
            left_out += 1
            file.write_sometimes(_arrays(sets, left_out))
            how.report(1.0 - 0.4 * (number - 1) / largest)
        file.write(_arrays(sets, left_out))
        return sets[: most + 1]

    def _without_one(self, above: Placed) -> Placed:
        """Removes the shell that is missed least, and moves the others."""
        places = np.arange(len(above.shells))
        fewer = [above.shells.chosen(np.delete(places, place)) for place in places]
        return self.refined(min(fewer, key=lambda shells: self._left(shells, above.energy)), above.energy)

    @property
    def score(self) -> ShellScore:
        """The score by which sets of shells are compared."""
        return self._score

    def evened(self, placed: Placed) -> ShellFitter:
        """Weighs the points so that the noise, as a power of k, is the same for all.

        Args:
            placed: Shells whose rest is taken for noise. The power has the maximum likelihood; the shells follow the weights.
        """
        fitter = self
        for _ in range(_ROUNDS):
            fitter = fitter.tilted(fitter._score.signal.tilt + fitter._growth(placed))
            placed = fitter.refined(placed.shells, placed.energy)
        return fitter

    def tilted(self, tilt: float) -> ShellFitter:
        """Takes a power of k off the weights."""
        score = self._score
        return ShellFitter(ShellScore(replace(score.signal, tilt=tilt), score.scatterers, score.bounds))

    def _growth(self, placed: Placed) -> float:
        """The power of k by which the weighted rest grows."""
        columns, signal = self._score.columns(placed.shells, placed.energy), self._score.signal
        inside = signal.window > 0.5
        rest = (self._score.target - self._heights(columns) @ columns)[inside] / signal.window[inside]
        logs = np.log(signal.k[inside])

        def energy(power: float) -> float:
            return float(0.5 * len(logs) * np.log(rest**2 @ np.exp(-2.0 * power * logs)) + power * logs.sum())

        return float(minimize_scalar(energy, bounds=_GROWTHS, method="bounded").x)

    def criterion(self, placed: Placed) -> float:
        """Bayesian information, low for a good set: four parameters a shell, less the logarithm of the prior of the shift."""
        free = len(self._score.target) - self._score.signal.background.shape[1]
        left = max(self._left(placed.shells, placed.energy), 1e-12)
        information = 0.5 * free * np.log(left) + 2.0 * len(placed.shells) * np.log(free)
        return float(information - self._score.bounds.log_prior(np.array(placed.energy)))

    def starts(self, most: int) -> list[Placed]:
        """Good sets of up to 8 shells, one near each of several shifts of energy, the best first.

        Each search keeps to the shifts around its own: distances and shift can follow each other from one explanation of the
        data to another that is far worse by the prior.
        """
        if most not in self._starts:
            middles = np.linspace(*self._score.bounds.energy, _ENERGIES + 2)[1:-1]
            half = 0.5 * float(middles[1] - middles[0])
            found = [self._start(float(middle), half, min(_FIRST, most)) for middle in middles]
            self._starts[most] = sorted(found, key=self.criterion)
        return self._starts[most]

    def _start(self, middle: float, half: float, most: int) -> Placed:
        """Adds shells until two in a row do not lower the criterion."""
        made = [Placed(Shells.none(), middle, np.inf)]
        best, lowest = 0, np.inf
        while len(made) <= most and len(made) <= best + 2:
            shells = self._with_next(made[-1].shells, made[-1].energy)
            made.append(self.refined(shells, made[-1].energy, (middle - half, middle + half)))
            if (value := self.criterion(made[-1])) < lowest:
                best, lowest = len(made) - 1, value
        return made[best]

    def _with_next(self, shells: Shells, energy: float) -> Shells:
        """Adds the shell of the coarse grid that lowers the square most while the others' heights follow."""
        held, columns = self._score.columns(shells, energy), self._score.columns(self._coarse, energy)
        rest = self._score.target - self._heights(held) @ held
        norms = np.sum(columns**2, axis=1)
        if len(held):
            basis = np.linalg.qr(held.T)[0]
            columns = columns - (columns @ basis) @ basis.T
        free = np.sum(columns**2, axis=1)
        gain = np.where(free > 1e-3 * norms, np.maximum(columns @ rest, 0.0) ** 2 / np.maximum(free, 1e-300), 0.0)
        return shells.joined(self._coarse.chosen(np.array([int(np.argmax(gain))])))

    def _heights(self, columns: FloatArray) -> FloatArray:
        if not len(columns):
            return np.empty(0)  # SciPy's non-negative least squares writes out of bounds without columns
        return np.asarray(nnls(columns.T, self._score.target)[0])

    def _left(self, shells: Shells, energy: float) -> float:
        columns = self._score.columns(shells, energy)
        return float(np.sum((self._score.target - self._heights(columns) @ columns) ** 2))

    def refined(self, shells: Shells, energy: float, shifts: tuple[float, float] | None = None) -> Placed:
        """Shells and shift of energy at the nearest minimum of the square that is left, inside the bounds.

        Args:
            shells: To begin with.
            energy: To begin with [eV].
            shifts: Smallest and largest shift [eV]; None: those of the bounds.
        """
        count, bounds = len(shells), self._score.bounds
        shifts = bounds.energy if shifts is None else shifts
        low, high = (
            np.concatenate([distance, [np.log(bounds.variance[side])] * count, [shifts[side]]])
            for side, distance in ((0, self._score.lowest[shells.element]), (1, [bounds.distance[1]] * count))
        )
        margin = 1e-6 * (high - low)
        start = np.clip(np.concatenate([shells.distance, np.log(shells.variance), [energy]]), low + margin, high - margin)

        def of(values: FloatArray) -> tuple[Shells, float]:
            return Shells(shells.element, values[:count], np.exp(values[count : 2 * count])), float(values[-1])

        def left(values: FloatArray) -> FloatArray:
            columns = self._score.columns(*of(values))
            return np.asarray(self._score.target - self._heights(columns) @ columns)

        def slopes(values: FloatArray) -> FloatArray:
            made, shift = of(values)
            columns = self._score.columns(made, shift)
            heights = self._heights(columns)
            basis = np.linalg.qr(columns[heights > 0.0].T)[0]
            moved = self._slopes(made, shift, heights)
            return np.asarray(-(moved - (moved @ basis) @ basis.T).T)

        # Kaufman's approximation of the derivative: heights follow, their change is projected out.
        found = least_squares(
            left, start, jac=slopes, bounds=(low, high), max_nfev=_EVALUATIONS, x_scale=(high - low) / 10.0, ftol=1e-7
        )
        placed, shift = of(found.x)
        return Placed(placed.chosen(np.argsort(placed.distance, kind="stable")), shift, 2.0 * float(found.cost))

    def _slopes(self, shells: Shells, energy: float, heights: FloatArray) -> FloatArray:
        """Derivatives of the sum by distances, logarithms of displacements, and shift, (2 n_shells + 1, n_points)."""
        farther = Shells(shells.element, shells.distance + _DISTANCE, shells.variance)
        wider = Shells(shells.element, shells.distance, shells.variance * np.exp(_LOG_VARIANCE))
        columns = self._score.columns
        held = columns(shells, energy)
        return np.concatenate([
            (columns(farther, energy) - held) * heights[:, None] / _DISTANCE,
            (columns(wider, energy) - held) * heights[:, None] / _LOG_VARIANCE,
            (heights @ (columns(shells, energy + _ENERGY) - held))[None] / _ENERGY,
        ])  # fmt: skip

    def fit(self, placed: Placed) -> ShellFit:
        """Atoms, the sum of the shells, and what is left over."""
        shells, energy, score = placed.shells, placed.energy, self._score
        columns = score.columns(shells, energy)
        heights = self._heights(columns)
        rest = score.target - heights @ columns
        free = len(rest) - score.signal.background.shape[1] - 3 * len(shells) - (len(shells) > 0)
        atoms = heights * ATOMS
        model = atoms @ score.waves(shells, energy)
        weighted = (score.signal.chi - model) * score.signal.weights
        smooth = (weighted - score.without_background(weighted)) / score.signal.weights
        deviation = score.scale * float(np.sqrt(rest @ rest / max(1, free)))
        return ShellFit(shells, atoms, energy, model, smooth, deviation)


def _arrays(sets: list[Placed], left_out: int) -> Arrays:
    """Sets of 0, 1, 2 … shells, and how many numbers were tried again by leaving out, as arrays."""
    return {
        "element": np.concatenate([placed.shells.element for placed in sets]),
        "distance": np.concatenate([placed.shells.distance for placed in sets]),
        "variance": np.concatenate([placed.shells.variance for placed in sets]),
        "energy": np.array([placed.energy for placed in sets]),
        "left": np.array([placed.left for placed in sets]),
        "left_out": np.array(left_out),
    }


def _stored_sets(stored: Arrays) -> tuple[list[Placed], int]:
    """Rebuilds the arguments of :func:`_arrays` from its arrays."""
    ends = np.cumsum(np.arange(len(stored["energy"])))
    parts = (np.split(stored[name], ends[:-1]) for name in ("element", "distance", "variance"))
    shells = [Shells(*three) for three in zip(*parts, strict=True)]
    placed = zip(shells, stored["energy"].tolist(), stored["left"].tolist(), strict=True)
    return [Placed(*three) for three in placed], int(stored["left_out"])
