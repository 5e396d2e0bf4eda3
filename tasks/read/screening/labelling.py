"""Computation of the promising structures of a screen, until the rest are unlikely to change the lowest boundaries."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import ArtifactStore, Calculator, EnergyCalculator
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.screen import ScreenLabelSpec
from tansaku.tasks.read.screening.calibration import Prospects, Verdict, prospects, spread_sample
from tansaku.tasks.read.screening.predicting import LoadedScreen, excess_energy
from tansaku.tasks.read.screening.rows import RowFile, ScreenRow, lowest_labelled

if TYPE_CHECKING:
    from ase import Atoms

Labels = Mapping[str, float | None]
"""Boundary energies by the structures' SHA-256 [mJ/m^2]; None: the computation failed."""


class LabelRow(Record):
    """A structure of a screen that was computed.

    Attributes:
        structure: SHA-256 of the relaxed structure.
        energy: Boundary energy [mJ/m^2]; None: the computation failed.
        reason: Why it failed.
    """

    structure: str
    energy: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Labelled:
    """A screen whose promising structures were computed.

    Attributes:
        rows: All rows, with calibrated energies and the computed ones.
        prospects: Of the structures that were not computed.
        verdict: End of the computations.
    """

    rows: list[ScreenRow]
    prospects: Prospects
    verdict: Verdict

    @property
    def calibrated(self) -> str | None:
        """Errors of the predictions, in words; None: too few structures are computed."""
        found = self.prospects.calibration
        if found is None:
            return None
        first, second = found.coverage()
        intercept, slope = found.line
        return (
            f"calibrated by {len(found.predicted)} computed structures: {intercept:.0f} mJ/m² + {slope:.3f} × predicted, "
            f"deviations × {found.scale:.2f}; within one {100 * first:.0f} %, within two {100 * second:.0f} %, "
            "each boundary left out"
        )

    def to_json(self) -> JsonDict:
        """The verdict, the calibration and the lowest boundaries by their computed energies."""
        found, lowest = self.prospects.calibration, lowest_labelled(self.rows)[: self.verdict.lowest]
        calibration: JsonDict | None = None
        if found is not None:
            first, second = found.coverage()
            calibration = {
                "intercept": float(found.line[0]),
                "slope": float(found.line[1]),
                "scale": found.scale,
                "within_one": first,
                "within_two": second,
            }
        rows = [row.model_dump(mode="json") for row in lowest]
        return {**self.verdict.to_json(), "calibration": calibration, "lowest_boundaries": rows}


class Labeller:
    """Computes boundary energies of relaxed structures as they are, by the calculator whose energies the model learned.

    Args:
        loaded: The screen; it has a label.
        artifacts: Holds the structures.
    """

    def __init__(self, loaded: LoadedScreen, artifacts: ArtifactStore) -> None:
        assert loaded.spec.label is not None
        self._calculator: Calculator = open_calculator(loaded.spec.label.calculator, loaded.base_path)
        self._artifacts = artifacts
        self._bulk = loaded.crystal.energies(self._total)

    @property
    def identity(self) -> str:
        """Hash of the code and of its files."""
        return short_hash(self._calculator.provenance.model_dump(mode="json"))

    def label(self, row: ScreenRow) -> LabelRow:
        """Computes the structure of a row."""
        with tempfile.TemporaryDirectory() as folder:
            path = self._artifacts.get(row.structure, Path(folder) / row.structure)
            atoms = next(read_extended_xyz(path.read_text(encoding="utf-8")))
        try:
            return LabelRow(structure=row.structure, energy=self._energy(atoms))
        except CalculationError as error:
            return LabelRow(structure=row.structure, energy=None, reason=f"{error.reason}: {error.message}")

    def _energy(self, atoms: Atoms) -> float:
        start = atoms.copy()
        found = excess_energy(self._total(start), self._bulk(atoms), atoms)
        if not np.isfinite(found):
            raise CalculationError("nan", f"label: the boundary energy is {found}")
        return found

    def _total(self, atoms: Atoms) -> float:
        calculator = self._calculator
        return calculator.energy(atoms) if isinstance(calculator, EnergyCalculator) else calculator.evaluate(atoms).energy

    def close(self) -> None:
        """Ends the calculator."""
        self._calculator.close()


def label_promising(
    rows: Sequence[ScreenRow],
    spec: ScreenLabelSpec,
    label: Callable[[ScreenRow], LabelRow],
    kept: RowFile[LabelRow],
    rng: np.random.Generator,
) -> Labelled:
    """Computes a sample, and then the likeliest structure after the other.

    Args:
        rows: Of the screen, at least one.
        label: Computes a row's structure.
        kept: Results of an earlier, interrupted screen, which are used again; new ones are added.
        rng: Of the sample.
    """
    # By structure, so that an interrupted screen draws the same sample.
    rows = sorted(rows, key=lambda row: row.structure)
    known = {row.structure: row.energy for row in kept.read()}
    labels: dict[str, float | None] = {}

    def add(place: int) -> None:
        structure = rows[place].structure
        if structure not in known:
            (found,) = kept.extend([label(rows[place])])
            known[structure] = found.energy
        labels[structure] = known[structure]

    for place in spread_sample(rows, min(spec.sample, spec.most), rng):
        add(place)
    state = prospects(rows, labels, spec.lowest)
    while state.best is not None and len(labels) < spec.most:
        if state.calibration is not None and state.expected <= 1.0 - spec.probability:
            break
        add(state.best)
        state = prospects(rows, labels, spec.lowest)
    verdict = _verdict(spec, state, labels, len(rows))
    corrected = [None] * len(rows) if state.calibration is None else state.corrected.tolist()
    errors = [None] * len(rows) if state.calibration is None else state.errors.tolist()
    found = [
        row.model_copy(
            update={"corrected": value, "corrected_deviation": error, "label": labels.get(row.structure)},
        )
        for row, value, error in zip(rows, corrected, errors, strict=True)
    ]
    return Labelled(found, state, verdict)


def _verdict(spec: ScreenLabelSpec, state: Prospects, labels: Labels, count: int) -> Verdict:
    failed = sum(value is None for value in labels.values())
    return Verdict(
        lowest=spec.lowest,
        computed=len(labels) - failed,
        failed=failed,
        left=count - len(labels),
        expected=state.expected,
        asked=spec.probability,
    )
