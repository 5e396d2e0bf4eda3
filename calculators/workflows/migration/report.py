"""Stored form of a computed barrier: plain data with the field names of emmet's NEB documents, and states as structures."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.percolation import Percolation, find_path
from tansaku.calculators.workflows.migration_barrier import MigrationBarrier
from tansaku.models.domain.records import JsonDict


def describe(found: MigrationBarrier, dimensions: int) -> JsonDict:
    """Everything about a barrier but the structures.

    Args:
        dimensions: Whose path is the profile.

    Returns:
        ``forward_barrier``, ``reverse_barrier``, ``energies`` and ``frame_index`` along the easiest path, the ``hops``, the
        percolating ``networks``, the ``vacancies`` or ``interstitials``; energies in eV above the lowest of them, lengths in Å.
    """
    zero = _zero(found)
    profile = path_profile(found, dimensions)
    energies = [energy for _, energy in profile]
    return {
        "mechanism": found.crystal.network.carrier,
        "forward_barrier": max(energies) - energies[0],
        "reverse_barrier": max(energies) - energies[-1],
        "ts_energy": max(energies),
        "ts_frame_index": int(np.argmax(energies)),
        "frame_index": [distance for distance, _ in profile],
        "energies": energies,
        "hops": [_hop_told(found, number, zero) for number in range(len(found.hops))],
        "networks": {
            f"{network.dimensions}d": _network_told(found, network) for network in found.networks if network is not None
        },
        **_carriers_told(found, zero),
        "supercell": list(found.supercell),
        "image_distance": found.image_distance,
        "cell_lengths_and_angles": [float(value) for value in found.host.cell.cellpar()],
        "evaluations": found.evaluations,
        "n_atoms": len(found.host),
    }


def path_profile(found: MigrationBarrier, dimensions: int) -> list[tuple[float, float]]:
    """Distance along the easiest path [Å] and energy above its lowest vacancy [eV]: states and saddle points in order."""
    network = found.networks[dimensions - 1]
    if network is None:
        return []
    members = [computed.hops.members for computed in found.hops]
    results = [computed.result for computed in found.hops]
    allowed = [number for number, result in enumerate(results) if result is not None and result.energy <= network.level]
    ways = [find_path(hop, members, allowed) for hop in members[network.limiting]]
    way = min((path for path in ways if path is not None), key=len, default=[])
    zero = _zero(found)
    points: list[tuple[float, float]] = []
    travelled = 0.0
    for number, hop in way:
        result = results[number]
        if result is None:
            continue
        length = found.hops[number].hops.length
        forward = hop in members[number]
        profile = result.profile if forward else [(1.0 - x, energy) for x, energy in reversed(result.profile)]
        points += [(travelled + x * length, energy - zero) for x, energy in profile[1 if points else 0 :]]
        travelled += length
    return points


def states(found: MigrationBarrier) -> list[Atoms]:
    """End states and saddle points as structures, each named in ``info['state']``."""
    crystal = found.crystal
    made = []
    for carrier in found.carriers:
        kept = crystal.kept(crystal.supercell.index(carrier.site, (0, 0, 0)))
        name = f"{crystal.network.carrier} {carrier.site}"
        made.append(_named(crystal.atoms(kept, carrier.state.positions), name, carrier.state.energy))
    for hop in found.hops:
        if hop.result is not None:
            atoms = crystal.atoms(hop.result.kept, hop.result.positions)
            made.append(_named(atoms, f"saddle {hop.hops.name}", hop.result.energy))
    return made


def _named(atoms: Atoms, name: str, energy: float) -> Atoms:
    atoms.info |= {"state": name, "total_energy": energy}
    return atoms


def _zero(found: MigrationBarrier) -> float:
    return min(carrier.state.energy for carrier in found.carriers)


def _carriers_told(found: MigrationBarrier, zero: float) -> JsonDict:
    rows: list[JsonDict] = [
        {"site": carrier.site, "energy": carrier.state.energy - zero, "starts": carrier.starts, "start_spread": carrier.spread}
        for carrier in found.carriers
    ]
    if found.crystal.network.carrier == "vacancy":
        return {"vacancies": rows}
    for row, site in zip(rows, found.sites, strict=True):
        row |= {
            "place": list(site.void.place),
            "multiplicity": len(site.void.fractions),
            "clearance": site.void.clearance,
            "eigenvalue": site.rest.eigenvalue,
        }
    dropped = [{"place": list(item.place), "reason": item.reason, "message": item.message} for item in found.dropped]
    return {"interstitials": rows, "dropped": dropped}


def _hop_told(found: MigrationBarrier, number: int, zero: float) -> JsonDict:
    computed = found.hops[number]
    document: JsonDict = {
        "hop": computed.hops.name,
        "length": computed.hops.length,
        "multiplicity": len(computed.hops.members),
        "failure": computed.failure,
        "limits": [
            f"{network.dimensions}d" for network in found.networks if network is not None and network.limiting == number
        ],
    }
    if computed.result is not None:
        result = computed.result
        document |= {
            "method": result.method,
            "ts_energy": result.energy - zero,
            "forward_barrier": result.energy - result.profile[0][1],
            "reverse_barrier": result.energy - result.profile[-1][1],
            "intermediate": None if result.intermediate is None else result.intermediate - zero,
            "eigenvalues": list(result.eigenvalues),
            "note": result.note,
        }
    return document


def _network_told(found: MigrationBarrier, network: Percolation) -> JsonDict:
    return {
        "barrier": found.barrier(network.dimensions),
        "directions": [list(direction) for direction in network.directions],
        "limiting_hop": found.hops[network.limiting].hops.name,
    }
