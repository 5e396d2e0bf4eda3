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
from tansaku.models.domain.specs.screen import ScreenSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Example, Surrogate
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.ground.formats.validation import validate_document
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, campaign_from_data, read_named
from tansaku.tasks.node.jobs.document import STRUCTURE_FILE
from tansaku.tasks.read.screening.crystals import EnergyOf, ScreenedCrystal, opened_crystal
from tansaku.tasks.read.screening.rows import RowFile, ScreenRow

if TYPE_CHECKING:
    from ase import Atoms


_MJ_PER_EV_A2 = 16021.766339999998  # 1 eV/Å^2 in mJ/m^2


@dataclass(frozen=True)
class BoundaryPredictor:
    """A model that predicts boundary energies.

    Attributes:
        model: Predicts total energies, and energies of atoms.
        crystal: The crystal of the boundaries.
        bulk: Gives the energy of a cell's crystal by the model [eV].
    """

    model: Surrogate
    crystal: ScreenedCrystal
    bulk: EnergyOf

    @classmethod
    def of(cls, model: Surrogate, crystal: ScreenedCrystal) -> BoundaryPredictor:
        """Asks the model for the crystal where it is needed.

        Raises:
            ConfigurationError: It does not predict what is needed.
            FitError: It does not know an element.
        """
        if not {"energy", "energies"} <= set(model.predicts):
            raise ConfigurationError(
                f"model: predicts {', '.join(model.predicts)}; a screen needs per-atom energies, e.g. from local_energies"
            )

        def energy_of(atoms: Atoms) -> float:
            return float(model.predict([Example("crystal", "crystal", atoms, {})])[0]["energy"].values)

        return cls(model, crystal, crystal.energies(energy_of))

    def row(self, candidate: str, atoms: Atoms, computed: float, structure: str) -> ScreenRow:
        """Row of a relaxed structure.

        Args:
            atoms: With the space's metadata; both boundaries of the cell count.
            computed: Boundary energy by the calculator [mJ/m^2].
            structure: SHA-256 of its file.
        """
        prediction = self.model.predict([Example(candidate, candidate, atoms, {})])[0]
        energy, energies = prediction["energy"], prediction["energies"]
        return ScreenRow(
            candidate=candidate,
            system=str(atoms.info["system"]),
            atoms=len(atoms),
            predicted=excess_energy(float(energy.values), self.bulk(atoms), atoms),
            deviation=None if energy.deviation is None else excess_energy(float(energy.deviation), 0.0, atoms),
            computed=computed,
            atom_deviation=None if energies.deviation is None else float(energies.deviation.max()),
            structure=structure,
            **self.crystal.described(atoms),
        )

    def paint(self, atoms: Atoms) -> Atoms:
        """The same atoms, their energies the predicted ones."""
        from ase.calculators.singlepoint import SinglePointCalculator

        found: Atoms = atoms.copy()
        energies = self.model.predict([Example("one", "one", found, {})])[0]["energies"].values
        found.calc = SinglePointCalculator(found, energies=energies, energy=float(energies.sum()))
        return found


def excess_energy(energy: float, bulk: float, atoms: Atoms) -> float:
    """Excess energy of each of a cell's two boundaries [mJ/m^2].

    Args:
        energy: Of the cell [eV].
        bulk: Of its crystal [eV].
    """
    return (energy - bulk) * _MJ_PER_EV_A2 / (2.0 * planar_area(atoms))


def kept_in(resources: Resources, loaded: LoadedScreen) -> Path:
    """Returns the folder that keeps what a screen has predicted and computed."""
    return resources.settings.home / "screens" / loaded.spec.name


def row_file(resources: Resources, loaded: LoadedScreen, record: ModelRecord) -> RowFile[ScreenRow]:
    """Returns the file that keeps the rows of a screen by a version."""
    return RowFile(kept_in(resources, loaded) / f"{record.name}-{record.artifact[:24]}.jsonl", ScreenRow)


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
        base_path: Folder in which relative paths start.
    """

    spec: ScreenSpec
    campaigns: tuple[LoadedCampaign, ...]
    base_path: Path

    @property
    def crystal(self) -> ScreenedCrystal:
        """The crystal of its boundaries; that of a compound as the campaign's calculator relaxes it."""
        first = self.campaigns[0].spec
        assert first.calculator is not None
        return opened_crystal(first.space, first.calculator, self.base_path)


def load_screen(path: Path) -> LoadedScreen:
    """Loads a screen file; everything is checked before anything is spent.

    Raises:
        ConfigurationError: The file, a key in it or a file it names is wrong, or no boundary fits, such as of an axis.
    """
    document = read_named(path)
    spec, base_path = validate_document(ScreenSpec, document), path.resolve().parent
    campaigns = []
    for number, (name, space) in enumerate(spec.searched().items()):
        try:
            systems = len(open_space(space, base_path).pool().systems)
        except ConfigurationError as error:
            where = f"axes[{number}]: " if name else ""
            raise ConfigurationError(f"{where}{error.message}", hint=error.hint) from error
        data = {
            "schema_version": 1,
            "name": f"{spec.name}-{name}" if name else spec.name,
            "seed": spec.seed,
            "space": space.model_dump(mode="json"),
            "calculator": spec.calculator.model_dump(mode="json"),
            "proposer": {"type": "random", "by_system": True},
            "budget": {"evaluations": spec.per_system * systems, "max_failed_fraction": 1.0},
            "execution": spec.execution.model_dump(mode="json"),
        }
        campaigns.append(campaign_from_data(data, base_path, document.source))
    return LoadedScreen(spec, tuple(campaigns), base_path)
