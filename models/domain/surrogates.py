"""The interface of trained predictors: examples, trainers, fitted surrogates, and weights as named arrays and plain data.

Names of properties are those of ASE: ``energy`` [eV], ``energies`` of the atoms [eV], ``forces`` [eV/Å], ``stress``
[eV/Å^3]; further scalars (a band gap, a Hartree energy) have names of their own. Fields are scalars on a grid over the cell,
such as an electron density [1/Å^3].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.surrogate import DeviceChoice as DeviceChoice

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.surrogate import SurrogateSpec

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Example:
    """A structure with its known properties.

    Attributes:
        id: Unique in its data set.
        group: Examples of one group (a boundary, a composition) are never divided between training and held-out data.
        structure: Without a calculator.
        properties: Known properties by name: scalars of shape ``()``, ``energies`` of shape ``(n_atoms,)``, ``forces`` of shape
            ``(n_atoms, 3)``, ``stress`` of shape ``(6,)``.
        fields: Scalar fields by name, shape ``(n_x, n_y, n_z)``; the mapping may read them when asked.
        info: Plain data that rules of splitting and figures use.
    """

    id: str
    group: str
    structure: Atoms
    properties: Mapping[str, FloatArray]
    fields: Mapping[str, FloatArray] = field(default_factory=dict)
    info: JsonDict = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """A predicted property.

    Attributes:
        values: Shape of the property.
        deviation: Calibrated standard deviation of the error, same shape; None where the surrogate has none for it.
    """

    values: FloatArray
    deviation: FloatArray | None = None


Prediction = Mapping[str, Estimate]
"""Predicted properties of one structure by name."""


@dataclass(frozen=True)
class Weights:
    """A surrogate, or a training in progress, as data: what is written to a file.

    Attributes:
        arrays: Named arrays.
        document: Plain data; ``type`` and ``schema_version`` say who can read it.
    """

    arrays: Mapping[str, Array]
    document: JsonDict


@dataclass(frozen=True)
class Progress:
    """Progress of a training after a step.

    Attributes:
        step: Counted from 1.
        training: Error on the training data [``unit``].
        validation: Error on data that this step did not see, which early stopping looks at [``unit``].
        unit: Of both.
        note: What the step was, in words.
    """

    step: int
    training: float
    validation: float
    unit: str
    note: str = ""


class Checkpoints(Protocol):
    """Store of a training's checkpoint. A killed write leaves the previous one."""

    def save(self, weights: Weights) -> None:
        """Replaces the checkpoint."""
        ...

    def load(self) -> Weights | None:
        """The last checkpoint, None where there is none."""
        ...


class NoCheckpoints:
    """Absence of checkpoints: training starts from the beginning each time."""

    def save(self, weights: Weights) -> None:
        """Does nothing."""

    def load(self) -> Weights | None:
        """Returns None: there is no checkpoint."""
        return None


def unwatched(_progress: Progress) -> None:
    """Ignores the progress of a training."""


@dataclass(frozen=True)
class TrainingRun:
    """Arguments of a training besides hyper-parameters and data.

    Attributes:
        seed: Start of every random choice.
        device: Where to compute; ``auto``: on a GPU where there is one.
        checkpoints: Training looks here first, and leaves a checkpoint after each step.
        on_progress: Called after each step, those of a resumed run before the kill included.
        start: Weights to begin with instead of random ones, of the same hyper-parameters (a smaller data set's model); a fit
            that is convex has no use for it.
    """

    seed: int = 0
    device: DeviceChoice = "cpu"
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)
    on_progress: Callable[[Progress], None] = unwatched
    start: Weights | None = None


@runtime_checkable
class Surrogate(Protocol):
    """A fitted, immutable predictor.

    ``predict`` looks at structure, its metadata and fields alone, never at ``properties``; the prediction of one example does
    not depend on the others. It is the same after ``weights`` and ``restored`` (bit by bit on one machine), does not depend on
    the order of the atoms, on rotation and translation of the structure, or on which periodic image an atom is in.
    """

    @property
    def spec(self) -> SurrogateSpec:
        """Hyper-parameters."""
        ...

    @property
    def predicts(self) -> tuple[str, ...]:
        """Names of the properties that every prediction has."""
        ...

    def predict(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions in the order of the examples.

        Raises:
            FitError: The surrogate cannot predict a structure (e.g. an element without training data).
        """
        ...

    def weights(self) -> Weights:
        """All that :func:`restored` needs."""
        ...


@runtime_checkable
class Rescalable(Surrogate, Protocol):
    """A surrogate whose deviations can be corrected after training, by errors of groups that it never saw."""

    def rescaled(self, factors: Mapping[str, float]) -> Self:
        """Returns the surrogate with deviations multiplied by a factor; ``weights`` keeps them so.

        Args:
            factors: By property; those of other properties stay as they are.
        """
        ...


@runtime_checkable
class Disagreeing(Surrogate, Protocol):
    """A surrogate of several members, whose forces differ where they have learned too little."""

    def disagreement(self, structure: Atoms) -> FloatArray:
        """Spread of the members in the force on each atom [eV/Å], shape ``(n_atoms,)``, not calibrated."""
        ...


@runtime_checkable
class Trainer(Protocol):
    """A kind of surrogate with its hyper-parameters.

    ``fit`` is a function of its arguments: the same data, seed and device give the same weights, also when it was killed at any
    point and started again with the checkpoints it left. For early stopping and for calibrating its error estimate, it sets
    groups aside from the given data, which contain nothing of the held-out split.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of properties of which every example must have at least one."""
        ...

    def check(self) -> None:
        """Raises MissingComponentError when a package is not installed; called before anything is spent."""
        ...

    def fit(self, examples: Sequence[Example], run: TrainingRun) -> Surrogate:
        """Trains.

        Raises:
            FitError: There are too few data, or the training does not converge.
        """
        ...


def sum_by(rows: FloatArray, owner: npt.NDArray[np.intp], count: int) -> FloatArray:
    """Sums rows by owner.

    Args:
        rows: Shape ``(n, d)``.
        owner: Of each row, ascending, shape ``(n,)``.
        count: Number of owners.

    Returns:
        Shape ``(count, d)``.
    """
    total = np.zeros((count, rows.shape[1]))
    if len(rows):
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        total[owner[starts]] = np.add.reduceat(rows, starts, axis=0)
    return total
