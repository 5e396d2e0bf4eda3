"""Barrier of an ion's migration through a crystal, by vacancies.

The crystal is relaxed with its symmetry; hops between the ion's sites that symmetry makes equal are computed once; each site's
vacancy is relaxed from several starts and each hop's saddle point found (:mod:`tansaku.calculators.workflows.migration`); the
hops are joined, the easiest first, until they percolate. The barrier is the highest saddle point of the easiest path that goes
on for ever, above the lowest state on it. The vacancy is neutral, the cell keeps the volume of the full crystal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.checks import check_host
from tansaku.calculators.workflows.migration.crystal import Crystal, Vacancy, find_vacancy
from tansaku.calculators.workflows.migration.curvature import crystal_curvature, guess
from tansaku.calculators.workflows.migration.hops import HopResult, find_saddle
from tansaku.calculators.workflows.migration.network import HopClass, find_network
from tansaku.calculators.workflows.migration.percolation import Percolation, percolate
from tansaku.calculators.workflows.migration.plain import (
    plain_result,
    plain_state,
    read_result,
    read_state,
)
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.supercell import make_supercell
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculator import MigrationBarrierSpec

_NOTHING = 5e-3
"""A barrier below this is a relaxation that went astray, not a fast conductor [eV]."""


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


@dataclass(frozen=True)
class MigrationBarrier:
    """Barriers of a crystal.

    Attributes:
        host: The relaxed crystal.
        supercell: Repeats along its cell vectors.
        image_distance: Of an atom from its own image in the supercell [Å].
        vacancies: Relaxed end states.
        hops: By ascending length.
        networks: Easiest percolating network in one, two and three dimensions; None where the hops do not percolate so far.
        lowest: Lowest state in each of them, states half way included [eV].
        spread: How far the value may be off for want of convergence [eV].
        evaluations: Of energy and forces.
    """

    host: Atoms
    supercell: tuple[int, int, int]
    image_distance: float
    vacancies: tuple[Vacancy, ...]
    hops: tuple[ComputedHop, ...]
    networks: tuple[Percolation | None, ...]
    lowest: tuple[float | None, ...]
    spread: float
    evaluations: int

    def barrier(self, dimensions: int) -> float | None:
        """Barrier in so many dimensions [eV], None where the hops do not percolate so far."""
        network, lowest = self.networks[dimensions - 1], self.lowest[dimensions - 1]
        return None if network is None or lowest is None else network.level - lowest


def migration_barrier(
    calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec, checkpoint: Checkpoint | None = None
) -> MigrationBarrier:
    """Computes the barriers of a crystal.

    Args:
        calculator: Gives energy, forces and stress.
        structure: As built, every site of the ion occupied.
        spec: What is wanted.
        checkpoint: Keeps finished parts; None keeps nothing.

    Raises:
        CalculationError: A relaxation failed (``not_converged``, ``exploded``), an atom left its place (``drift``,
            ``framework``), a hop that matters has no saddle point (``no_saddle``), the barrier vanishes (``no_barrier``), or
            the hops do not percolate (``no_path``).
        ConfigurationError: The structure has no such ion, or no hop is that short.
    """
    parts = _Parts(calculator, structure, spec, checkpoint or Checkpoint(None, ""))
    host = parts.host()
    network = find_network(host, mobile_element(structure, spec), spec.max_hop)
    check_host(structure, host, network.sites)
    supercell = make_supercell(host, max(spec.image_distance, spec.max_hop))
    parts.crystal = Crystal(network, supercell, parts.relaxer, None)
    parts.crystal = Crystal(network, supercell, parts.relaxer, parts.curvature())
    vacancies = {site: parts.vacancy(site) for site in sorted(set(network.orbits.values()))}
    hops = tuple(parts.hop(number, one, vacancies) for number, one in enumerate(network.classes))
    return _conclude(parts, host, vacancies, hops)


def mobile_element(structure: Atoms, spec: MigrationBarrierSpec) -> str:
    """Element that moves: the spec's, else what the structure says in ``info['mobile_ion']``.

    Raises:
        ConfigurationError: Neither names one.
    """
    if spec.ion is not None:
        return spec.ion
    told = structure.info.get("mobile_ion")
    if told is None:
        raise ConfigurationError("calculator.workflow.ion: missing, and the structure names no mobile ion; expected an element")
    return Ion.parse(str(told)).element


def checkpoint_key(calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec) -> str:
    """Hash of all that finished parts depend on."""
    return content_hash(
        {
            "provenance": calculator.provenance.model_dump(mode="json"),
            "spec": spec.model_dump(mode="json"),
            "numbers": structure.numbers.tolist(),
            "positions": structure.positions.tolist(),
            "cell": structure.cell.array.tolist(),
        }
    )


class _Parts:
    """The workflow's parts, each taken from the checkpoint where it is done."""

    crystal: Crystal

    def __init__(self, calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec, checkpoint: Checkpoint) -> None:
        self._through = Through(calculator)
        self._structure = structure
        self._checkpoint = checkpoint
        self._earlier = 0
        self.spec = spec
        self.relaxer = Relaxer(self._through, spec.fmax, spec.max_steps)

    @property
    def evaluations(self) -> int:
        """Evaluations spent, those of an earlier attempt on finished parts included."""
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

    def curvature(self) -> FloatArray | None:
        """Second derivatives of the full supercell."""
        data = self._checkpoint.load("curvature")
        if data is not None:
            self._earlier += int(data["evaluations"])
            return np.array(data["matrix"]) if data["matrix"] is not None else None
        before = self._through.evaluations
        matrix = crystal_curvature(self.crystal.supercell, self.crystal.network, self._through)
        self._save("curvature", {"matrix": matrix.tolist() if matrix is not None else None}, before)
        return matrix

    def vacancy(self, site: int) -> Vacancy:
        """The end state with one site empty."""
        name = f"vacancy-{site}"
        data = self._checkpoint.load(name)
        kept = self.crystal.without(self.crystal.supercell.index(site, (0, 0, 0)))
        if data is not None:
            self._earlier += int(data["evaluations"])
            return Vacancy(site, read_state(data["state"]), float(data["spread"]), int(data["starts"]))
        before = self._through.evaluations
        found = find_vacancy(self.crystal, site)
        told = {"state": plain_state(found.state), "spread": found.spread, "starts": found.starts}
        self._save(name, told, before, self.crystal.atoms(kept, found.state.positions))
        return found

    def hop(self, number: int, one: HopClass, vacancies: dict[int, Vacancy]) -> ComputedHop:
        """The saddle point of a class of hops."""
        name = f"hop-{number}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return ComputedHop(one, read_result(data["result"]), data["failure"])
        before = self._through.evaluations
        result, failure, atoms = None, "", None
        try:
            result = find_saddle(self.crystal, one, vacancies, self.spec.images)
            atoms = self.crystal.atoms(result.kept, result.positions)
        except CalculationError as error:
            failure = f"{error.reason}: {error.message}"
        self._save(name, {"result": plain_result(result), "failure": failure}, before, atoms)
        return ComputedHop(one, result, failure)

    def _save(self, name: str, data: JsonDict, before: int, atoms: Atoms | None = None) -> None:
        self._checkpoint.save(name, {**data, "evaluations": self._through.evaluations - before}, atoms)


def _conclude(parts: _Parts, host: Atoms, vacancies: dict[int, Vacancy], hops: tuple[ComputedHop, ...]) -> MigrationBarrier:
    network, dimensions = parts.crystal.network, parts.spec.dimensions
    sites = {site: vacancies[network.orbits[site]].state.energy for site in network.sites}
    saddles = [one.result.energy if one.result is not None else None for one in hops]
    members = [one.hops.members for one in hops]
    found = percolate(sites, members, saddles)
    wanted = found[dimensions - 1]
    failed = "; ".join(f"{one.hops.name}: {one.failure}" for one in hops if one.result is None)
    best = percolate(sites, members, [min(sites.values()) if energy is None else energy for energy in saddles])[dimensions - 1]
    if failed and best is not None and (wanted is None or best.level < wanted.level):
        raise CalculationError("no_saddle", f"hops that could make the easiest path have no saddle point: {failed}")
    if wanted is None:
        raise CalculationError(
            "no_path", f"hops up to {parts.spec.max_hop:g} Å do not join to paths in {dimensions} dimension(s)"
        )
    lowest = tuple(None if one is None else _lowest(one, hops) for one in found)
    value = wanted.level - (lowest[dimensions - 1] or 0.0)
    if value < _NOTHING:
        raise CalculationError("no_barrier", f"the highest saddle point is {value:.4f} eV above the lowest state")
    limiting = hops[wanted.limiting].result
    return MigrationBarrier(
        host=host,
        supercell=parts.crystal.supercell.repeats,
        image_distance=parts.crystal.supercell.image_distance,
        vacancies=tuple(vacancies.values()),
        hops=hops,
        networks=found,
        lowest=lowest,
        spread=(limiting.remaining if limiting is not None else 0.0) + _remaining(parts.crystal, vacancies),
        evaluations=parts.evaluations,
    )


def _lowest(network: Percolation, hops: tuple[ComputedHop, ...]) -> float:
    """Lowest state on a network's paths, those half way of a hop included [eV]."""
    results = [one.result for one in hops if one.result is not None and one.hops.hop.first in network.sites]
    half_way = [one.intermediate for one in results if one.intermediate is not None and one.energy <= network.level]
    return min([network.lowest, *half_way])


def _remaining(crystal: Crystal, vacancies: dict[int, Vacancy]) -> float:
    """What forces left over would still bring in the end states, the largest of them [eV]."""
    left = []
    for site, one in vacancies.items():
        kept = crystal.without(crystal.supercell.index(site, (0, 0, 0)))
        left.append(one.state.remaining(guess(crystal.curvature, kept, np.empty(0, dtype=np.intp))))
    return max(left)
