"""Keys of a computation: equal for the same source and structure, whatever property is wanted of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from ase import Atoms

from tansaku.models.domain.identifiers import canonical_json, short_hash
from tansaku.models.domain.plugins import origins
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.node.configuration.source import source_of

_DIGITS = 8  # of lengths [Å]: what text files keep
_LABELS = frozenset({"candidate", "system", "surface"})
"""Metadata that name a structure and say nothing of it."""


def only_energy(spec: CampaignSpec) -> bool:
    """Returns whether a campaign's values depend on the atoms only, and not on metadata of their space."""
    return _job_of(spec) == "energy"


def computing_plugins(spec: CampaignSpec) -> frozenset[str]:
    """Installed plug-ins on which a campaign's values depend, as the provenance of a result names them."""
    found = origins({"workflows": _job_of(spec) or ""}) + origins({"objectives": spec.objective.property or ""})
    for further in spec.objective.further:
        found += origins({"objectives": further.property})
    for name in (getattr(spec.calculator, "type", ""), getattr(spec.calculator, "name", "")):
        found += origins({"calculators": name})
    return frozenset(found)


def _job_of(spec: CampaignSpec) -> str | None:
    workflow = workflow_of(spec.calculator)
    return spec.space.description.jobs.get(None if workflow is None else workflow.type)


def computation_key(spec: CampaignSpec) -> str:
    """Hash of everything that a calculation depends on, except the structure."""
    space = spec.space
    content: JsonDict = {"source": source_of(spec), "as_they_stand": space.as_they_stand}
    if space.total_charge:
        content["charge"] = space.total_charge
    if space.description.gridded and not space.as_they_stand:
        content["pinned"] = "last atom"  # relaxed otherwise than the same structure of another space
    if space.held_in_plane:
        content |= {"pinned": "plane"} | space.held_in_plane
    if not only_energy(spec):
        crystal = space.reference_crystal
        content |= {"space": space.type, "crystal": None if crystal is None else crystal.model_dump(mode="json")}
    return short_hash(content)


def structure_key(atoms: Atoms, *, with_info: bool) -> str:
    """Hash of a structure: elements, positions, cell, boundaries and initial moments, in the order of the atoms.

    Args:
        atoms: As a space builds it.
        with_info: Whether its metadata matter too.
    """
    digest = hashlib.sha256()
    for values in (atoms.cell.array, *(atoms.arrays[name] for name in sorted(atoms.arrays) if name != "numbers")):
        digest.update((np.round(np.asarray(values, dtype=np.float64), _DIGITS) + 0.0).tobytes() if _numeric(values) else b"-")
    digest.update(canonical_json([sorted(atoms.arrays), atoms.numbers.tolist(), atoms.pbc.tolist()]).encode())
    digest.update(repr(atoms.constraints).encode())
    if with_info:
        digest.update(canonical_json(_plain({key: atoms.info[key] for key in atoms.info if key not in _LABELS})).encode())
    return digest.hexdigest()


def _numeric(values: object) -> bool:
    return np.asarray(values).dtype.kind in "biuf"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return round(value, _DIGITS) if isinstance(value, float) else value if isinstance(value, str | int | None) else repr(value)
