"""Documents that tell a worker what to compute: plain data, validated against the specs before use."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Record
from tansaku.models.domain.specs.base import Name, PositiveFloat, Sha256
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.crystals import Element
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.specs.surrogate import DeviceChoice, ModelSpec
from tansaku.models.domain.specs.workflow import WorkflowBase

STRUCTURE_FILE = "structure.extxyz"
"""Result file with the final structure, energy, per-atom energies, forces and stress."""

STEPS_FILE = "relaxation.npz"
"""Result file with a few structures of the relaxation; only where its calculator kept them."""

FREE_ENERGY = "free_energy"
"""Energy whose derivatives are forces and stress, where a code distinguishes it from ``energy`` [eV]."""

LABEL_ENERGY = "label_energy"
"""Key of a label's total energy in that file [eV], and name of the quantity."""

LABEL_ENERGIES = "label_energies"
"""Array of the energies of the label's atoms there [eV]."""

LABEL_FORCES = "label_forces"
"""Array of the label's forces there [eV/Å]; only where the label is of the structure as it stands."""

OWN_LATTICE_PARAMETER = "own_lattice_parameter"
"""Property of a boundary's outcome: the calculator's lattice parameter [Å], if determined; also a key of the crystal's spec."""

DOUBT = "doubt"
"""Property: why a value is doubtful."""

LATTICE_WARNING = "lattice_warning"
"""Property of a boundary's outcome: why the crystal may be wrong, in a campaign that is only warned."""

GRAIN_THICKNESSES = "grain_thicknesses"
"""Property of a boundary's outcome: a row for each relaxation of the final one, with thickness [Å], atoms, and energy [J/m^2]
or the reason of its failure."""

THICKNESS_CHANGE = "thickness_change"
"""Property of a boundary's outcome: energy with the thickest grains less that with those of the search [J/m^2]; None where the
latter failed."""

EXCESS_VOLUME = "excess_volume"
"""Quantity of a boundary: excess volume by area [Å]."""

BOUNDARY_STRESS = "boundary_stress_"
"""Beginning of the names of a boundary's quantities: excess stress in its plane by area [J/m^2], components xx, yy and xy."""

FIRST_LOOK_ENERGY = "first_look_energy"
"""Quantity: the boundary's energy as pre-screening predicted it, whether the label was computed then or not."""

FIRST_LOOK_DEVIATION = "first_look_deviation"
"""Quantity: its predicted standard deviation."""

_LARGEST_START = 16 * 2**20


WEIGHTS_FILE = "weights.safetensors"
REPORT_FILE = "report.safetensors"
"""Result files of a training: the model, and the data for its figures."""


class LookDocument(Record):
    """Surrogate pre-screening: a trained model predicts the label of the relaxed structure before it is computed.

    Attributes:
        model: Its name and version, for the record.
        file: Its weights.
        sha256: Their hash.
        bound: Value that the prediction is compared with, see :class:`~tansaku.models.domain.records.Look`.
        deviations: Number of standard deviations by which it must be worse.
    """

    model: str
    file: str
    sha256: Sha256
    bound: float | None = None
    deviations: PositiveFloat


class TrainingDocument(Record):
    """One training of a surrogate.

    Attributes:
        model: The surrogate, with hyper-parameters and seed.
        dataset: File of the data set.
        groups: Side of each of its groups.
        checkpoint: Checkpoint file of the training, which outlives the job.
        start: File of the initial weights, None for random weights.
        start_sha256: Their hash.
        device: Device to compute on.
        calibrate: Whether the error bars are calibrated on the held-out groups.
    """

    schema_version: Literal[1] = 1
    kind: Literal["training"] = "training"
    campaign: Name
    model: ModelSpec
    dataset: str
    groups: dict[str, Literal["training", "held_out"]]
    checkpoint: str
    start: str | None = None
    start_sha256: Sha256 | None = None
    device: DeviceChoice = "cpu"
    calibrate: bool = False


class JobDocument(Record):
    """One evaluation.

    Attributes:
        candidate: Id of the candidate.
        reference: The element that is computed instead of a candidate, whose name it is then.
        calculator: None for spaces that hold their values.
        label: Also stores this calculator's energies of the relaxed structure.
        look: Surrogate pre-screening that may make the label unnecessary.
        relaxation: Replaces that of the calculator spec, e.g. for the final relaxation.
        start: Initial structure instead of the one the space builds: the ``STRUCTURE_FILE`` of an earlier job of the same
            candidate.
        thicknesses: Grains [Å] with which the relaxation is repeated after that in the cell of the space; boundaries only.
        base_path: Folder in which relative paths of the specs start.
    """

    schema_version: Literal[1] = 1
    campaign: Name
    candidate: str
    reference: Element | None = None
    space: SpaceSpec
    calculator: CalculatorSpec | None = None
    label: LabelSpec | None = None
    look: LookDocument | None = None
    objective: ObjectiveSpec = ObjectiveSpec()
    relaxation: RelaxationSpec | None = None
    start: Annotated[str, Field(max_length=_LARGEST_START)] | None = None
    thicknesses: tuple[PositiveFloat, ...] = ()
    base_path: str


Work = JobDocument | TrainingDocument
"""Any document that a worker can execute."""

TRAINING = "training"
"""Name of a training where a site's ``classes`` expect a calculator."""


def kind_of_work(document: Work) -> str:
    """Returns the type of a document's calculator; ``table`` for a space with values, ``training`` for a training."""
    if isinstance(document, TrainingDocument):
        return TRAINING
    return document.calculator.type if document.calculator is not None else "table"


_Workflow = TypeVar("_Workflow", bound=WorkflowBase)


def required_workflow(document: JobDocument, kind: type[_Workflow], provides: str) -> tuple[CalculatorSpec, _Workflow]:
    """Calculator and workflow of a document whose job is a workflow of one kind.

    Args:
        kind: Spec class of the workflow.
        provides: The property that it computes.

    Raises:
        ConfigurationError: The document's workflow or property is another one.
    """
    spec, objective = document.calculator, document.objective
    workflow = workflow_of(spec)
    if spec is None or not isinstance(workflow, kind):
        raise ConfigurationError(f"calculator.workflow: missing; expected type: {kind.model_fields['type'].default}")
    if objective.property not in (None, provides):
        raise ConfigurationError(
            f"objective.property: workflow {workflow.type} provides {provides}, not {objective.property!r}"
        )
    return spec, workflow
