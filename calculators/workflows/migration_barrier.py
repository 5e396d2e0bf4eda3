"""Barrier of an ion's migration through a crystal, by vacancies or as an interstitial.

The crystal is relaxed with its symmetry; hops between the ion's sites that symmetry makes equal are computed once; each site's
end state, with the site empty or an ion more on it, is relaxed from several starts and each hop's saddle point found
(:mod:`tansaku.calculators.workflows.migration`); the hops are joined, the easiest first, until they percolate. The barrier is
the highest saddle point of the easiest infinite path, above the lowest state on it. The carrier is neutral, the
cell keeps the volume of the crystal without it. With ``midpoint_steps`` it is a cheap look instead
(:mod:`tansaku.calculators.workflows.migration.look`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration.checks import check_host, has_bonds
from tansaku.calculators.workflows.migration.crystal import Carrier, Crystal, find_carrier
from tansaku.calculators.workflows.migration.curvature import crystal_curvature, guess, with_voids
from tansaku.calculators.workflows.migration.hops import Bounds, bound_saddle, find_saddle
from tansaku.calculators.workflows.migration.interstitials import Settled, Site, find_sites, open_voids, settle, with_sites
from tansaku.calculators.workflows.migration.look import ROUGH, look_at_carrier, look_at_hop
from tansaku.calculators.workflows.migration.needed import ComputedHop, ends_of, next_needed
from tansaku.calculators.workflows.migration.network import (
    HopClass,
    Network,
    Operation,
    find_interstitial_network,
    find_network,
    find_operations,
)
from tansaku.calculators.workflows.migration.percolation import Percolation, percolate
from tansaku.calculators.workflows.migration.plain import (
    plain_result,
    plain_settled,
    plain_state,
    read_result,
    read_settled,
    read_state,
)
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.calculators.workflows.migration.springs import springs
from tansaku.calculators.workflows.migration.supercell import Supercell, make_supercell
from tansaku.calculators.workflows.migration.voids import Dropped, Void, VoidMaker, find_voids
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.workflow import InterstitialMechanismSpec, MigrationBarrierSpec


class Parts:
    """The workflow's parts, each taken from the checkpoint where it is done.

    Args:
        calculator: Gives energy, forces and stress.
        structure: As built.
        checkpoint: Keeps finished parts.
    """

    def __init__(self, calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec, checkpoint: Checkpoint) -> None:
        self._through = Through(calculator)
        self._structure = structure
        self._checkpoint = checkpoint
        self._earlier = 0
        self.spec = spec
        self._looks = spec.midpoint_steps is not None
        steps = spec.max_steps if spec.midpoint_steps is None else spec.midpoint_steps
        self.relaxer = Relaxer(self._through, spec.fmax, steps, keep=self._looks)

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
            host = self._relaxed_host()
            self._save("host", {"cell": host.cell.array.tolist(), "positions": host.positions.tolist()}, 0, host)
        else:
            self._earlier += int(data["evaluations"])
            host.set_cell(data["cell"])
            host.positions = data["positions"]
        return host

    def _relaxed_host(self) -> Atoms:
        further = self.spec.hops is not None
        rough = self._looks and not further
        relaxer = Relaxer(self._through, self.spec.fmax / _FURTHER if further else self.spec.fmax, self.spec.max_steps)
        return relaxer.host(self._structure, ROUGH if rough else None, guess=further or rough)

    def curvature(self, supercell: Supercell, operations: tuple[Operation, ...]) -> FloatArray | None:
        """Second derivatives of a full supercell."""
        if self._looks:
            return springs(supercell.atoms)
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
        found = look_at_carrier(crystal, site) if self._looks else find_carrier(crystal, site, positions)
        document = {"state": plain_state(found.state), "spread": found.spread, "starts": found.starts}
        kept = crystal.kept(crystal.supercell.index(site, (0, 0, 0)))
        self._save(name, document, before, crystal.atoms(kept, found.state.positions))
        return found

    def bounds(self, crystal: Crystal, number: int, hop_class: HopClass, carriers: dict[int, Carrier]) -> Bounds:
        """Bounds of the saddle point of a class of hops."""
        name = f"bounds-{number}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            start = None if data["start"] is None else np.array(data["start"])
            return Bounds(float(data["least"]), read_result(data["middle"]), start)
        before = self._through.evaluations
        found = bound_saddle(crystal, hop_class, carriers)
        start = None if found.start is None else found.start.tolist()
        self._save(name, {"least": found.least, "middle": plain_result(found.middle), "start": start}, before)
        return found

    def hop(
        self,
        crystal: Crystal,
        number: int,
        hop_class: HopClass,
        carriers: dict[int, Carrier],
        start: FloatArray | None = None,
    ) -> ComputedHop:
        """The saddle point of a class of hops; the relaxation of a midpoint begins at the start."""
        name = f"hop-{number}"
        data = self._checkpoint.load(name)
        if data is not None:
            self._earlier += int(data["evaluations"])
            return ComputedHop(hop_class, read_result(data["result"]), data["failure"])
        before = self._through.evaluations
        result, failure, atoms = None, "", None
        try:
            if self._looks:
                result = look_at_hop(crystal, hop_class, carriers)
            else:
                result = find_saddle(crystal, hop_class, carriers, self.spec.images, start)
            atoms = crystal.atoms(result.kept, result.positions)
        except CalculationError as error:
            failure = f"{error.reason}: {error.message}"
        self._save(name, {"result": plain_result(result), "failure": failure}, before, atoms)
        return ComputedHop(hop_class, result, failure)

    def _save(self, name: str, data: JsonDict, before: int, atoms: Atoms | None = None) -> None:
        self._checkpoint.save(name, {**data, "evaluations": self._through.evaluations - before}, atoms)


_FURTHER = 4.0
"""With the key `hops` forces on atoms and cell of the crystal are smaller by this factor: barriers depend on its angles."""

_NOTHING = 5e-3
"""A barrier below this is a relaxation that went astray, not a fast conductor [eV]."""


@dataclass(frozen=True)
class MigrationBarrier:
    """Barriers of a crystal.

    Attributes:
        host: The relaxed crystal.
        crystal: With the sites, and the supercell that states and saddle points are of.
        carriers: Relaxed end states, one for each kind of site.
        sites: What is known of these sites where they are interstitial, in the same order; else empty.
        dropped: Voids in which no ion rests.
        hops: By ascending length.
        networks: Easiest percolating network in one, two and three dimensions; None where the hops do not percolate so far.
        lowest: Lowest state in each of them, states half way included [eV].
        spread: How far the value may be off for want of convergence [eV].
        evaluations: Of energy and forces.
    """

    host: Atoms
    crystal: Crystal
    carriers: tuple[Carrier, ...]
    sites: tuple[Site, ...]
    dropped: tuple[Dropped, ...]
    hops: tuple[ComputedHop, ...]
    networks: tuple[Percolation | None, ...]
    lowest: tuple[float | None, ...]
    spread: float
    evaluations: int

    @property
    def supercell(self) -> tuple[int, int, int]:
        """Repeats along the crystal's cell vectors."""
        return self.crystal.supercell.repeats

    @property
    def image_distance(self) -> float:
        """Distance of an atom from its own image in the supercell [Å]."""
        return self.crystal.supercell.image_distance

    def barrier(self, dimensions: int) -> float | None:
        """Barrier in so many dimensions [eV], None where the hops do not percolate so far."""
        network, lowest = self.networks[dimensions - 1], self.lowest[dimensions - 1]
        return None if network is None or lowest is None else network.level - lowest


@dataclass(frozen=True)
class _Opened:
    """A relaxed crystal, its hops and the end states.

    Attributes:
        host: The relaxed crystal.
        crystal: With its sites.
        carriers: End states by site, for one site of each orbit.
        sites: Of an interstitial.
        dropped: Voids that are none.
    """

    host: Atoms
    crystal: Crystal
    carriers: dict[int, Carrier]
    sites: tuple[Site, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def energies(self) -> dict[int, float]:
        """Energy of the carrier on each site [eV]."""
        network = self.crystal.network
        return {site: self.carriers[network.orbits[site]].state.energy for site in network.sites}

    @property
    def through(self) -> list[int] | None:
        """Sites of which a path must hold one; None: any will do.

        An ion more in the crystal is where its energy is lowest. Easier paths that it cannot get onto from there do not help.
        """
        network, energies = self.crystal.network, self.energies
        ground = min(energies, key=lambda site: energies[site])
        orbit = [site for site in energies if network.orbits[site] == network.orbits[ground]]
        return orbit if network.carrier == "interstitial" else None


def migration_barrier(
    calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec, checkpoint: Checkpoint | None = None
) -> MigrationBarrier:
    """Computes the barriers of a crystal.

    Args:
        calculator: Gives energy, forces and stress.
        structure: As built, every site of the ion occupied, every void empty.
        checkpoint: Keeps finished parts; None keeps nothing.

    Raises:
        CalculationError: A relaxation failed (``not_converged``, ``exploded``), an atom left its place (``drift``,
            ``framework``), no void takes the ion (``no_site``), a hop that matters has no saddle point (``no_saddle``), the
            barrier vanishes (``no_barrier``), or the hops do not percolate (``no_path``).
        ConfigurationError: The structure has no such ion, or no hop is that short.
    """
    check_structure(structure, spec)
    parts = Parts(calculator, structure, spec, checkpoint or Checkpoint(None, ""))
    ion, mechanism = mobile_element(structure, spec), spec.mechanism
    if isinstance(mechanism, InterstitialMechanismSpec):
        opened = _open_interstitials(parts, structure, ion, mechanism)
    else:
        opened = _open_vacancies(parts, structure, ion)
    if spec.hops == "needed" and spec.midpoint_steps is None:
        return _conclude(parts, opened, _needed_hops(parts, opened))
    classes = enumerate(opened.crystal.network.classes)
    return _conclude(parts, opened, [parts.hop(opened.crystal, *each, opened.carriers) for each in classes])


def _needed_hops(parts: Parts, opened: _Opened) -> list[ComputedHop]:
    """Hops, with saddle points where the barrier depends on them, and bounds elsewhere."""
    crystal, carriers, sites = opened.crystal, opened.carriers, opened.energies
    classes = crystal.network.classes
    bounds = [parts.bounds(crystal, number, hops, carriers) for number, hops in enumerate(classes)]
    found = [ComputedHop(hops, bound.middle, "", bound.least) for hops, bound in zip(classes, bounds, strict=True)]
    while (number := next_needed(sites, found, parts.spec.dimensions, opened.through)) is not None:
        found[number] = parts.hop(crystal, number, classes[number], carriers, bounds[number].start)
    return found


def _open_vacancies(parts: Parts, structure: Atoms, ion: str) -> _Opened:
    host = parts.host()
    network = find_network(host, ion, parts.spec.max_hop)
    check_host(structure, host, str(structure.arrays["site"][network.sites[0]]) if has_bonds(structure) else "")
    supercell = _supercell(host, parts.spec)
    crystal = Crystal(network, supercell, parts.relaxer, parts.curvature(supercell, network.operations))
    return _Opened(host, crystal, {site: parts.carrier(crystal, site) for site in sorted(set(network.orbits.values()))})


def _open_interstitials(parts: Parts, structure: Atoms, ion: str, mechanism: InterstitialMechanismSpec) -> _Opened:
    host = parts.host()
    check_host(structure, host, str(structure.info.get("mobile_site", "")))
    operations = find_operations(host)
    voids, too_small = find_voids(host, operations, mechanism)
    bare = _supercell(host, parts.spec)
    curvature = parts.curvature(bare, operations)

    def open_crystal(full: Atoms, network: Network) -> Crystal:
        supercell = Supercell(full, bare.repeats)
        known = None if curvature is None else with_voids(curvature, bare, supercell)
        return Crystal(network, supercell, parts.relaxer, known)

    full = with_sites(host, ion, voids)
    tried = open_crystal(full, open_voids(host, operations, full))
    maker = VoidMaker(host, operations, mechanism.merge_distance)
    places = list(zip(_offsets(len(host), voids), voids, strict=True))

    def settled(number: int, known: Sequence[Void]) -> Settled:
        return parts.settled(tried, number, places[number], maker, known)

    sites, dropped = find_sites(voids, maker, settled)
    full = with_sites(host, ion, [site.void for site in sites])
    crystal = open_crystal(full, find_interstitial_network(full, len(host), parts.spec.max_hop))
    carriers = {}
    for index, site in zip(_offsets(len(host), [site.void for site in sites]), sites, strict=True):
        kept = crystal.kept(index)
        positions = np.insert(site.rest.frame, int(np.searchsorted(kept, index)), site.rest.ion, axis=0)
        carriers[index] = parts.carrier(crystal, index, positions)
    return _Opened(host, crystal, carriers, sites, too_small + dropped)


def _supercell(host: Atoms, spec: MigrationBarrierSpec) -> Supercell:
    return make_supercell(host, max(spec.image_distance, spec.max_hop))


def _offsets(atoms: int, voids: Sequence[Void]) -> list[int]:
    """Index of each void's first place behind the atoms."""
    return [atoms + sum(len(void.fractions) for void in voids[:number]) for number in range(len(voids))]


def check_structure(structure: Atoms, spec: MigrationBarrierSpec) -> None:
    """Raises where a structure as built shows that there is nothing to compute: costs no evaluation.

    Raises:
        CalculationError: ``no_site``: it has no void for an interstitial ion.
        ConfigurationError: The ion is no element, or is to leave its sites and has none.
    """
    ion = mobile_element(structure, spec)
    if ion not in atomic_numbers:
        raise ConfigurationError(f"calculator.workflow.ion: {ion!r}; expected the symbol of an element")
    if isinstance(spec.mechanism, InterstitialMechanismSpec):
        find_voids(structure, find_operations(structure), spec.mechanism)
    elif ion not in structure.get_chemical_symbols():
        raise ConfigurationError(
            f"calculator.workflow.ion: {ion!r} is not in {structure.get_chemical_formula()}, so that it can leave no vacancy; "
            "expected one of its elements, or mechanism: {type: interstitial}"
        )


def mobile_element(structure: Atoms, spec: MigrationBarrierSpec) -> str:
    """Element that moves: the spec's, else what the structure says in ``info['mobile_ion']``.

    Raises:
        ConfigurationError: Neither names one.
    """
    if spec.ion is not None:
        return spec.ion
    ion = structure.info.get("mobile_ion")
    if ion is None:
        raise ConfigurationError("calculator.workflow.ion: missing, and the structure names no mobile ion; expected an element")
    return Ion.parse(str(ion)).element


def checkpoint_key(calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec) -> str:
    """Hash of everything that finished parts depend on."""
    return content_hash(
        {
            "provenance": calculator.provenance.model_dump(mode="json"),
            "spec": spec.model_dump(mode="json", exclude={"phases"}),
            "numbers": structure.numbers.tolist(),
            "positions": structure.positions.tolist(),
            "cell": structure.cell.array.tolist(),
        }
    )


def _conclude(parts: Parts, opened: _Opened, hops: Sequence[ComputedHop]) -> MigrationBarrier:
    dimensions, sites, through = parts.spec.dimensions, opened.energies, opened.through
    members = [computed.hops.members for computed in hops]
    found = percolate(sites, members, [computed.most for computed in hops], through)
    wanted = found[dimensions - 1]
    failed = "; ".join(f"{computed.hops.name}: {computed.failure}" for computed in hops if computed.failure)
    hoped = [computed.lowest(ends_of(sites, computed.hops.hop)) for computed in hops]
    easiest = percolate(sites, members, hoped, through)[dimensions - 1]
    if failed and easiest is not None and (wanted is None or easiest.level < wanted.level):
        raise CalculationError("no_saddle", f"hops that could make the easiest path have no saddle point: {failed}")
    if wanted is None:
        raise CalculationError(
            "no_path", f"hops up to {parts.spec.max_hop:g} Å do not join to paths in {dimensions} dimension(s)"
        )
    if not all(computed.known for computed in hops):
        found = tuple(network if network is wanted else None for network in found)
    lowest = tuple(None if network is None else _lowest(network, hops) for network in found)
    value = wanted.level - (lowest[dimensions - 1] or 0.0)
    if value < _NOTHING and parts.spec.midpoint_steps is None:
        raise CalculationError("no_barrier", f"the highest saddle point is {value:.4f} eV above the lowest state")
    limiting = hops[wanted.limiting].result
    return MigrationBarrier(
        host=opened.host,
        crystal=opened.crystal,
        carriers=tuple(opened.carriers.values()),
        sites=opened.sites,
        dropped=opened.dropped,
        hops=tuple(hops),
        networks=found,
        lowest=lowest,
        spread=(limiting.remaining if limiting is not None else 0.0) + _remaining(opened.crystal, opened.carriers),
        evaluations=parts.evaluations,
    )


def _lowest(network: Percolation, hops: Sequence[ComputedHop]) -> float:
    """Energy of the lowest state on a network's paths, including intermediate states of hops [eV]."""
    results = [computed.result for computed in hops if computed.result is not None and computed.hops.hop.first in network.sites]
    half_way = [result.intermediate for result in results if result.intermediate is not None and result.energy <= network.level]
    return min([network.lowest, *half_way])


def _remaining(crystal: Crystal, carriers: dict[int, Carrier]) -> float:
    """Largest energy that remaining forces could still lower in an end state [eV]."""
    left = []
    for site, carrier in carriers.items():
        kept = crystal.kept(crystal.supercell.index(site, (0, 0, 0)))
        left.append(carrier.state.remaining(guess(crystal.curvature, kept, np.empty(0, dtype=np.intp))))
    return max(left)
