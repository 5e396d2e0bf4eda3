"""Structures from an answer of an OPTIMADE server that was saved as JSON; nothing is fetched.

Specification: Evans et al., Digital Discovery 3, 1509 (2024), doi:10.1039/D4DD00039K.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.data import chemical_symbols

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit


def optimade_structures(
    path: Path, limits: LimitsSpec | None, key: str
) -> Iterator[tuple[Atoms, Mapping[str, object], str | None]]:
    """The structures of a saved answer: the document, or a list of pages of it.

    Args:
        path: The file.
        limits: Limits of its content; None: it was checked before.
        key: Key of the spec that names it, for messages.

    Raises:
        ConfigurationError: It is no such answer, or an entry is no ordered crystal.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    pages = document if isinstance(document, list) else [document]
    for page in pages:
        entries = page.get("data") if isinstance(page, dict) else None
        if not isinstance(entries, list | dict):
            raise ConfigurationError(f"{key}: {path.name!r} is not an OPTIMADE answer; expected a key 'data' with structures")
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, dict) or not isinstance(entry.get("attributes"), dict):
                raise ConfigurationError(f"{key}: {path.name!r}: an entry has no attributes")
            yield _structure(entry, limits, f"{key}: {path.name!r}, entry {shown(entry.get('id'))}")


def _structure(
    entry: Mapping[str, Any], limits: LimitsSpec | None, where: str
) -> tuple[Atoms, Mapping[str, object], str | None]:
    attributes = entry["attributes"]
    missing = [
        name
        for name in ("cartesian_site_positions", "lattice_vectors", "species_at_sites")
        if not isinstance(attributes.get(name), list)
    ]
    if missing:
        raise ConfigurationError(f"{where}: {missing[0]} is missing", hint="ask the server for it by response_fields")
    sites = attributes["species_at_sites"]
    check_limit(limits, "atoms", len(sites), f"{where}: atoms")
    if len(attributes["cartesian_site_positions"]) != len(sites):
        raise ConfigurationError(f"{where}: {len(attributes['cartesian_site_positions'])} positions for {len(sites)} sites")
    symbols = _symbols(attributes, where)
    unknown = next((str(name) for name in sites if name not in symbols), None)
    if unknown is not None:
        raise ConfigurationError(f"{where}: site of {shown(unknown)}, which is no species")
    dimensions = attributes.get("dimension_types", [1, 1, 1])
    atoms = Atoms(
        [symbols[name] for name in sites],
        positions=attributes["cartesian_site_positions"],
        cell=[[float("nan") if number is None else number for number in vector] for vector in attributes["lattice_vectors"]],
        pbc=[bool(number) for number in dimensions],
    )
    return atoms, attributes, str(entry["id"]) if entry.get("id") is not None else None


def _symbols(attributes: Mapping[str, Any], where: str) -> dict[str, str]:
    """Element of each species; where an answer lists no species, their names are elements."""
    species = attributes.get("species") or [
        {"name": name, "chemical_symbols": [name], "concentration": [1.0]} for name in set(attributes["species_at_sites"])
    ]
    found = {}
    for kind in species:
        elements = kind["chemical_symbols"]
        if len(elements) != 1 or abs(kind.get("concentration", [1.0])[0] - 1.0) > 1e-3:
            raise ConfigurationError(f"{where}: species {shown(kind['name'])} is not one element, fully")
        if elements[0] not in chemical_symbols[1:]:
            raise ConfigurationError(f"{where}: there is no element {shown(elements[0])}")
        found[kind["name"]] = elements[0]
    return found
