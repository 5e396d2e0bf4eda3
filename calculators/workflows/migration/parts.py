"""Parts of an evaluation; each is computed once and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.crystal import Carrier, Crystal, find_carrier
from tansaku.calculators.workflows.migration.curvature import crystal_curvature
from tansaku.calculators.workflows.migration.hops import HopResult, find_saddle
from tansaku.calculators.workflows.migration.interstitials import Settled, settle
from tansaku.calculators.workflows.migration.network import HopClass, Operation
from tansaku.calculators.workflows.migration.plain import (
    plain_result,
    plain_settled,
    plain_state,
    read_result,
    read_settled,
    read_state,
)
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.supercell import Supercell
from tansaku.calculators.workflows.migration.voids import Void, VoidMaker
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec


@dataclass(frozen=True)
class ComputedHop:
    """A class of hops and its saddle point.

    Attributes:
        hops: The class.
        result: None where no way to the saddle point worked.
        failure: Why, where it is None.
    """

    hops: HopClass
    result: HopResult | None
    failure: str


class Parts:
    """The workflow's parts, each taken from the checkpoint where it is done.

    Args:
        calculator: Gives energy, forces and stress.
        structure: As built.
        spec: What is wanted.
        checkpoint: Keeps finished parts.
    """

    def __init__(self, calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec, checkpoint: Checkpoint) -> None:
        self._through = Through(calculator)
        self._structure = structure
        self._checkpoint = checkpoint
        self._earlier = 0
        self.spec = spec
        self.relaxer = Relaxer(self._through, spec.fmax, spec.max_steps)

    @property
    def evaluations(self) -> int:
        """Number of evaluations, including those that an earlier attempt spent on finished parts."""
        return self._through.evaluations + self._earlier

    def host(self) -> Atoms:
        """The relaxed crystal."""
        data = self._checkpoint.load("host")
        host: Atoms = self._structure.copy()
        host.set_constraint()
        if data is None:
            host = self.relaxer.host(self._structure)
            self._save("host", {"cell": host.cell.array.tolist(), "positions": host.positions.tolist()}, 0, host)
        else:
            self._earlier += int(data["evaluations"])
            host.set_cell(data["cell"])
            host.positions = data["positions"]
        return host

    def curvature(self, supercell: Supercell, operations: tuple[Operation, ...]) -> FloatArray | None:
        """Second derivatives of a full supercell."""
        data = self._checkpoint.load("curvature")
        if data is not None:
            self._earlier += int(data["evaluations"])
            return np.array(data["matrix"]) if data["matrix"] is not None else None
        before = self._through.evaluations
        matrix = crystal_curvature(supercell, operations, self._through)
        self._save("curvature", {"matrix": matrix.tolist() if matrix is not None else None}, before)
        return matrix

    def settled(
        self, crystal: Crystal, number: int, place: tuple[int, Void], maker: VoidMaker, known: Sequence[Void]
    ) -> Settled:
        """Result of relaxing an ion in the void whose first place has this index in the host."""
        name = f"void-{number}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return read_settled(data["settled"])
        before = self._through.evaluations
        found = settle(crystal, *place, maker, known)
        self._save(name, {"settled": plain_settled(found)}, before)
        return found

    def carrier(self, crystal: Crystal, site: int, positions: FloatArray | None = None) -> Carrier:
        """The end state with the carrier on a site."""
        name = f"{crystal.network.carrier}-{site}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return Carrier(site, read_state(data["state"]), float(data["spread"]), int(data["starts"]))
        before = self._through.evaluations
        found = find_carrier(crystal, site, positions)
        document = {"state": plain_state(found.state), "spread": found.spread, "starts": found.starts}
        kept = crystal.kept(crystal.supercell.index(site, (0, 0, 0)))
        self._save(name, document, before, crystal.atoms(kept, found.state.positions))
        return found

    def hop(self, crystal: Crystal, number: int, hop_class: HopClass, carriers: dict[int, Carrier]) -> ComputedHop:
        """The saddle point of a class of hops."""
        name = f"hop-{number}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return ComputedHop(hop_class, read_result(data["result"]), data["failure"])
        before = self._through.evaluations
        result, failure, atoms = None, "", None
        try:
            result = find_saddle(crystal, hop_class, carriers, self.spec.images)
            atoms = crystal.atoms(result.kept, result.positions)
        except CalculationError as error:
            failure = f"{error.reason}: {error.message}"
        self._save(name, {"result": plain_result(result), "failure": failure}, before, atoms)
        return ComputedHop(hop_class, result, failure)

    def _save(self, name: str, data: JsonDict, before: int, atoms: Atoms | None = None) -> None:
        self._checkpoint.save(name, {**data, "evaluations": self._through.evaluations - before}, atoms)
