"""Predicted boundary energies, one structure after the other: memory does not grow with the number of boundaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.calculators.workflows.boundary_energy import planar_area
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.grain_boundary import CrystalSpec
from tansaku.models.domain.specs.screen import ScreenSpec, axis_name
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Example, Surrogate
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, campaign_from_data, read_named
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.screening.rows import RowFile, ScreenRow

if TYPE_CHECKING:
    from ase import Atoms


_MJ_PER_EV_A2 = 16021.766339999998  # 1 eV/Å^2 in mJ/m^2


@dataclass(frozen=True)
class BoundaryPredictor:
    """A model that predicts boundary energies.

    Attributes:
        model: Predicts total energies, and energies of atoms.
        bulk: Its energy of an atom of the perfect crystal [eV].
    """

    model: Surrogate
    bulk: float

    @classmethod
    def of(cls, model: Surrogate, crystal: CrystalSpec) -> BoundaryPredictor:
        """Asks the model for the crystal first.

        Raises:
            ConfigurationError: It does not predict what is needed.
            FitError: It does not know the element.
        """
        from ase.build import bulk

        if not {"energy", "energies"} <= set(model.predicts):
            raise ConfigurationError(
                f"model: predicts {', '.join(model.predicts)}; a screen needs per-atom energies, e.g. from local_energies"
            )
        perfect = bulk(crystal.element, crystal.structure, a=crystal.edge, cubic=True)
        energy = model.predict([Example("crystal", "crystal", perfect, {})])[0]["energy"].values
        return cls(model, float(energy) / len(perfect))

    def row(self, candidate: str, atoms: Atoms, computed: float, structure: str) -> ScreenRow:
        """Row of a relaxed structure.

        Args:
            atoms: With the space's metadata; both boundaries of the cell count.
            computed: Boundary energy by the calculator [mJ/m^2].
            structure: SHA-256 of its file.
        """
        prediction = self.model.predict([Example(candidate, candidate, atoms, {})])[0]
        energy, energies = prediction["energy"], prediction["energies"]
        per_area = _MJ_PER_EV_A2 / (2.0 * planar_area(atoms))
        info = atoms.info
        return ScreenRow(
            candidate=candidate,
            axis=tuple(int(item) for item in info["axis"]),
            system=str(info["system"]),
            sigma=int(info["sigma"]),
            plane=tuple(int(item) for item in info["plane"]),
            angle=float(info["angle"]),
            removed_planes=int(info["removed_planes"]),
            atoms=len(atoms),
            predicted=(float(energy.values) - len(atoms) * self.bulk) * per_area,
            deviation=None if energy.deviation is None else float(energy.deviation) * per_area,
            computed=computed,
            atom_deviation=None if energies.deviation is None else float(energies.deviation.max()),
            structure=structure,
        )

    def paint(self, atoms: Atoms) -> Atoms:
        """The same atoms, their energies the predicted ones."""
        from ase.calculators.singlepoint import SinglePointCalculator

        found: Atoms = atoms.copy()
        energies = self.model.predict([Example("one", "one", found, {})])[0]["energies"].values
        found.calc = SinglePointCalculator(found, energies=energies, energy=float(energies.sum()))
        return found


def row_file(resources: Resources, loaded: LoadedScreen, record: ModelRecord) -> RowFile:
    """Returns the file that keeps the rows of a screen by a version."""
    return RowFile(resources.settings.home / "screens" / loaded.spec.name / f"{record.name}-{record.artifact[:24]}.jsonl")


def relaxed(resources: Resources, loaded: LoadedScreen) -> Iterator[Evaluation]:
    """Evaluations whose relaxed structures are there to be predicted, axis after axis."""
    for campaign in loaded.campaigns:
        for evaluation in resources.store.evaluations(campaign.spec.name, states=[EvaluationState.DONE]):
            if (
                evaluation.proposal.purpose == "search"
                and evaluation.outcome is not None
                and STRUCTURE_FILE in evaluation.outcome.artifacts
            ):
                yield evaluation


def predicted(
    predictor: BoundaryPredictor, evaluations: Iterator[Evaluation], artifacts: ArtifactStore, known: Sequence[ScreenRow]
) -> Iterator[ScreenRow]:
    """Rows of structures that have none yet.

    Args:
        evaluations: Finished ones.
        known: Rows that an earlier, interrupted screen by the same weights left.
    """
    done = {row.structure for row in known}
    for evaluation in evaluations:
        if evaluation.outcome is None or evaluation.outcome.artifacts[STRUCTURE_FILE] in done:
            continue
        computed = 1000.0 * evaluation.outcome.quantities["grain_boundary_energy"].value
        atoms = read_structure(evaluation, artifacts)
        yield predictor.row(evaluation.proposal.candidate, atoms, computed, evaluation.outcome.artifacts[STRUCTURE_FILE])


def painted(predictor: BoundaryPredictor, row: ScreenRow, artifacts: ArtifactStore, folder: Path) -> Atoms:
    """A row's structure with the predicted energies of its atoms in place of the computed ones."""
    path = artifacts.get(row.structure, folder / row.structure)
    return predictor.paint(next(read_extended_xyz(path.read_text(encoding="utf-8"))))


@dataclass(frozen=True)
class LoadedScreen:
    """A screen file after validation.

    Attributes:
        campaigns: By axis, in the order of the file.
    """

    spec: ScreenSpec
    campaigns: tuple[LoadedCampaign, ...]


def load_screen(path: Path) -> LoadedScreen:
    """Loads a screen file; everything is checked before anything is spent.

    Raises:
        ConfigurationError: The file, a key in it or a file it names is wrong, or an axis has no boundary that fits.
    """
    document = read_named(path)
    spec, base_path = validate_document(ScreenSpec, document), path.resolve().parent
    campaigns = []
    for number, axis in enumerate(spec.axes):
        space = spec.space.model_copy(update={"axis": axis})
        try:
            systems = len(open_space(space, base_path).pool().systems)
        except ConfigurationError as error:
            raise ConfigurationError(f"axes[{number}]: {error.message}", hint=error.hint) from error
        data = {
            "schema_version": 1,
            "name": f"{spec.name}-{axis_name(axis)}",
            "seed": spec.seed,
            "space": space.model_dump(mode="json"),
            "calculator": spec.calculator.model_dump(mode="json"),
            "proposer": {"type": "random", "by_system": True},
            "budget": {"evaluations": spec.per_system * systems, "max_failed_fraction": 1.0},
            "execution": spec.execution.model_dump(mode="json"),
        }
        campaigns.append(campaign_from_data(data, base_path, document.source))
    return LoadedScreen(spec, tuple(campaigns))
