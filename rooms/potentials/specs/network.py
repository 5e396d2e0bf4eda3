"""A neural-network potential: its descriptors, its networks, and the trainers of their weights.

A trainer goes in cycles. After each cycle the error is reported and a checkpoint is written.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import NonNegativeFloat, PositiveFloat, PositiveInt, Spec
from tansaku.models.domain.specs.surrogate_base import SurrogateBase
from tansaku.potentials.specs.environment import EnvironmentSpec, SymmetryFunctionsSpec

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Cycles = Annotated[int, Field(ge=1, le=1_000_000)]
Iterations = Annotated[int, Field(ge=1, le=100_000)]


class ConjugateGradientSpec(Spec):
    """Nonlinear conjugate gradients (Polak and Ribière) with a line search that meets the strong Wolfe conditions.

    Attributes:
        cycles: At most so many.
        iterations: Search directions per cycle.
        restart: Number of directions after which the search restarts with the steepest descent.
    """

    type: Literal["conjugate_gradient"] = "conjugate_gradient"
    cycles: Cycles = 100
    iterations: Iterations = 50
    restart: Annotated[int, Field(ge=2)] = 200


class AnnealedSpec(Spec):
    """Conjugate gradients until they stall, then simulated annealing, repeatedly.

    The temperature is a share of the loss at which the annealing begins, and falls geometrically. A move adds Gaussian noise to
    a random share of the weights; it is accepted by the rule of Metropolis. What the annealing ends at is where the next
    conjugate gradients begin; the best weights of all cycles are kept.

    Attributes:
        cycles: Largest number of cycles, each of conjugate gradients and annealing.
        iterations: Search directions of conjugate gradients per cycle.
        restart: As for ``conjugate_gradient``.
        moves: Moves of the annealing per cycle; 0: conjugate gradients alone.
        hottest: First temperature, divided by the loss at which the annealing begins.
        coldest: Last temperature, divided by the first.
        stride: Standard deviation of a move at the first temperature, in units of the root mean square of the weights; it falls
            with the square root of the temperature.
        moved: Share of the weights that a move changes.
    """

    type: Literal["annealed"] = "annealed"
    cycles: Cycles = 40
    iterations: Iterations = 100
    restart: Annotated[int, Field(ge=2)] = 200
    moves: Annotated[int, Field(ge=0, le=1_000_000)] = 200
    hottest: PositiveFloat = 0.1
    coldest: Share = 0.01
    stride: PositiveFloat = 0.02
    moved: Share = 0.1


class LbfgsSpec(Spec):
    """Limited-memory BFGS with the same line search.

    Attributes:
        cycles: At most so many.
        iterations: Steps per cycle.
        memory: Number of past steps from which the curvature is estimated.
    """

    type: Literal["lbfgs"] = "lbfgs"
    cycles: Cycles = 100
    iterations: Iterations = 20
    memory: Annotated[int, Field(ge=1, le=200)] = 20


class AdamSpec(Spec):
    """Adam (Kingma and Ba 2015) on random batches, with a rate that falls geometrically.

    Attributes:
        cycles: At most so many.
        epochs: Passes through the data per cycle.
        batch: Structures per step.
        rate: First learning rate.
        last_rate: Learning rate of the last cycle, divided by the first.
    """

    type: Literal["adam"] = "adam"
    cycles: Cycles = 100
    epochs: Iterations = 5
    batch: PositiveInt = 32
    rate: PositiveFloat = 5e-3
    last_rate: Share = 0.01


class LevenbergMarquardtSpec(Spec):
    """Levenberg and Marquardt: least squares by the derivatives of every energy and force by every weight.

    Attributes:
        cycles: Largest number of steps.
        damping: First damping, over the mean of the diagonal of the normal equations.
        lower: Factor of the damping after a step that lowered the loss.
        increase: Factor after a step that did not.
        attempts: Dampings that are tried before the training counts as converged.
    """

    type: Literal["levenberg_marquardt"] = "levenberg_marquardt"
    cycles: Cycles = 100
    damping: PositiveFloat = 1e-2
    lower: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3
    increase: Annotated[float, Field(gt=1.0)] = 3.0
    attempts: PositiveInt = 12


PotentialTrainerSpec = Annotated[
    ConjugateGradientSpec | AnnealedSpec | LbfgsSpec | AdamSpec | LevenbergMarquardtSpec, Field(discriminator="type")
]
"""Every trainer of a network potential."""


class PotentialSpec(SurrogateBase):
    """Energy and forces by networks of atoms, one for each element (Behler and Parrinello), and a committee of these.

    Attributes:
        environment: Descriptors of an atom's surroundings.
        hidden: Neurons of each hidden layer.
        activation: Activation function of the hidden layers.
        members: Networks of the committee. Their mean is the prediction, their spread its uncertainty.
        bootstrap: Give every group a random weight in each member's loss (exponentially distributed, drawn once), so that
            members differ by more than their initial weights.
        validation: Share of the groups that no member is trained on: they stop the training, and the error estimate is
            calibrated on them.
        force_weight: Weight of squared errors of forces beside those of energies per atom [Å^2]; 0: energies alone.
        softening: A structure whose forces have a root mean square of F counts 1 / (1 + (F / softening)²), so that few
            structures whose atoms all but overlap do not decide what the networks are good at [eV/Å]; null: all count alike.
        decay: Weight of the mean square of the weights, in units of the variance of the energies.
        patience: A member's training ends when the error on the validation groups has not fallen for this number of cycles; the
            best weights are kept.
        trainer: How the weights are trained.
    """

    opener: ClassVar[str] = "tansaku.potentials.network.training:PotentialTrainer"
    restore: ClassVar[str] = "tansaku.potentials.network.model:Potential.from_weights"
    informer: ClassVar[str] = "tansaku.potentials.committee:PoolCommittee"
    program_files: ClassVar[str] = "tansaku.potentials.programs:program_files"
    type: Literal["potential"] = "potential"
    environment: EnvironmentSpec = SymmetryFunctionsSpec()
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(min_length=1, max_length=4)] = (20, 20)
    activation: Literal["tanh", "silu"] = "tanh"
    members: Annotated[int, Field(ge=1, le=32)] = 4
    bootstrap: bool = True
    validation: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    force_weight: NonNegativeFloat = 0.01
    softening: PositiveFloat | None = None
    decay: NonNegativeFloat = 1e-6
    patience: PositiveInt = 20
    trainer: PotentialTrainerSpec = LevenbergMarquardtSpec()

    def uses_gpu(self) -> bool:
        """It does."""
        return True

    @property
    def committee(self) -> int:
        """The networks."""
        return self.members
