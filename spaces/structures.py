"""Structures from files as a space: every structure is a candidate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.engines.electronic import kpoint_grid
from tansaku.calculators.structures.structure_reader import FoundStructure, checked_structure, read_structures
from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, installed
from tansaku.models.domain.identifiers import check_unchanged, safe_file_name, shown
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.column_scale import have_different_units
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec, check_limit
from tansaku.models.domain.specs.structure_features import (
    CompositionFeaturesSpec,
    FeaturesBase,
    InfoFeaturesSpec,
    SoapFeaturesSpec,
    SymmetryFeaturesSpec,
)
from tansaku.models.domain.specs.structures import StructuresSpaceSpec
from tansaku.models.domain.structure_files import check_plain, folder_sha256, structure_files
from tansaku.models.engine.cost import CostModel
from tansaku.models.features.structure_descriptors import (
    averaged_soap,
    composition_statistics,
    densities,
    space_groups,
)
from tansaku.spaces.competing import compositions

_TOLERANCE = 0.01
"""Distance within which atoms count as equivalent where space groups name systems [Å]."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._+=,()-]+")


class StructuresSpace:
    """A space of structures from files (implements ``ScreenedSpace``).

    Candidate ids are names of files without their ending, with ``-000012`` for the twelfth structure of a file that can hold
    several; or what the file itself calls a structure: ids of OPTIMADE entries, rows of a database, the key ``ids``.

    Args:
        base_path: Folder in which relative paths start.
        limits: What the spec may ask for; None: files of known content were judged before.

    Raises:
        ConfigurationError: A file is missing, changed, too large or holds what cannot be computed, or two structures have the
            same id.
        MissingComponentError: A package is not installed.
    """

    def __init__(self, spec: StructuresSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> None:
        self._spec, self._base_path = spec, base_path
        known = spec.sha256 is not None or bool(spec.hashes)
        self._limits = limits or (None if known else DEFAULT_LIMITS)
        self._files = self._named(base_path)
        size = sum(path.stat().st_size for path, _ in self._files)
        check_limit(self._limits, "structure_bytes", size, "space: bytes of all files")
        check_limit(self._limits, "combinations", len(self._files), "space: files")

    def pool(self) -> CandidatePool:
        """All candidates, in ascending order of their ids.

        Raises:
            ConfigurationError: There are duplicates where the spec refuses them, or a structure lacks what the spec names.
        """
        return self._pool

    def structure(self, candidate: str) -> Atoms:
        """The structure as its file has it.

        Raises:
            NotFoundError: The id is not in the space.
        """
        found = self._find(candidate)
        atoms: Atoms = found.atoms.copy()
        about: JsonDict = {name: value for name, value in found.info.items() if name not in ("candidate", "system", "formula")}
        atoms.info = {**about, "candidate": candidate, "system": self._system(candidate), "formula": _formula(found.atoms)}
        return atoms

    def with_structures(self, structures: Mapping[str, Atoms]) -> StructuresSpace:
        """The space with further structures, each a candidate even where it is the same as another.

        Args:
            structures: With their metadata, by ids that no candidate has.

        Raises:
            ConfigurationError: One of them cannot be computed.
        """
        further = {name: checked_structure(atoms, atoms.info, name) for name, atoms in structures.items()}
        wider = copy(self)
        vars(wider).pop("_pool", None)
        vars(wider)["_by_id"] = dict(sorted({**self._by_id, **further}.items()))
        vars(wider)["_kept"] = tuple(sorted((*self._kept, *further)))
        return wider

    def elements(self) -> frozenset[str]:
        """Elements of all structures."""
        return frozenset(symbol for found in self._by_id.values() for symbol in found.atoms.get_chemical_symbols())

    def elements_of(self, candidate: str) -> frozenset[str]:
        """Elements of a candidate. Raises NotFoundError for an id outside the pool."""
        return frozenset(self._find(candidate).atoms.get_chemical_symbols())

    def describe_systems(self) -> Sequence[JsonDict]:
        """One dict per system."""
        rows = []
        for code, name in enumerate(self._pool.systems):
            mine = [str(candidate) for candidate in self._pool.ids[self._pool.system_codes == code]]
            atoms = [len(self._by_id[candidate].atoms) for candidate in mine]
            rows.append(
                {
                    "system": name,
                    "formulas": len({_formula(self._by_id[candidate].atoms) for candidate in mine}),
                    "atoms_min": min(atoms),
                    "atoms_max": max(atoms),
                    "duplicates": sum(candidate in self._duplicates for candidate in mine),
                    "candidates": len(mine),
                }
            )
        return rows

    def census(self) -> Sequence[JsonDict]:
        """The structures read, and the treatment of duplicates."""
        read, kept = len(self._by_id), len(self._kept)
        rows = [{"rule": f"structures of {len(self._files)} files", "left_out": 0, "marked": 0, "left": read}]
        if self._spec.duplicates != "ignore":
            marked = len(self._duplicates) if self._spec.duplicates == "report" else 0
            rows.append({"rule": "the same as an earlier one", "left_out": read - kept, "marked": marked, "left": kept})
        return rows

    def describe_candidate(self, candidate: str) -> JsonDict:
        """Formula and marks; there are no sites.

        Raises:
            NotFoundError: The id is not in the space.
        """
        found, same = self._find(candidate), self._duplicates.get(candidate)
        return {"formula": _formula(found.atoms), "ions": {}, "marks": [] if same is None else [f"the same as {same}"]}

    def _named(self, base_path: Path) -> list[tuple[Path, str]]:
        """The files with the keys that name them, after a check of their content."""
        spec = self._spec
        if spec.folder is not None:
            folder = base_path / spec.folder
            if not folder.is_dir():
                raise ConfigurationError(f"space.folder: no folder {str(folder)!r}")
            files = structure_files(folder, "space.folder")
            if spec.sha256 is not None and (found := folder_sha256(folder, "space.folder")) != spec.sha256:
                raise ConfigurationError(
                    f"space.folder: what it names has SHA-256 {found}, expected {spec.sha256}",
                    hint="it has changed since the campaign began; restore it or start a new campaign",
                )
            return [(path, "space.folder") for path in files]
        named = [(base_path / path, f"space.paths[{i}]") for i, path in enumerate(spec.paths or ())]
        for i, (path, key) in enumerate(named):
            check_plain(path, key)
            check_unchanged(path, spec.hashes[i] if spec.hashes else None, key)
        return named

    def _find(self, candidate: str) -> FoundStructure:
        if candidate not in self._by_id:
            raise NotFoundError(f"candidate {candidate!r} is not in the space")
        return self._by_id[candidate]

    @cached_property
    def _by_id(self) -> dict[str, FoundStructure]:
        found: dict[str, FoundStructure] = {}
        origin: dict[str, str] = {}
        for path, key in self._files:
            several = list(read_structures(path, self._limits, key, self._spec.box))
            for structure in several:
                alone = len(several) == 1 and self._spec.named_by_file is not None
                name = self._name(path, replace(structure, place=None) if alone else structure, key)
                if name in found:
                    raise ConfigurationError(f"{key}: {path.name!r} and {origin[name]!r} both have a structure {name!r}")
                found[name], origin[name] = structure, path.name
                check_limit(self._limits, "combinations", len(found), "space: structures")
        if not found:
            raise ConfigurationError("space: the files hold no structure")
        _check_features(self._spec.features, sum(len(structure.atoms) for structure in found.values()), self._limits)
        return {name: found[name] for name in sorted(found)}

    def _name(self, path: Path, structure: FoundStructure, key: str) -> str:
        if self._spec.ids is not None:
            name = str(_info_of(f"structure {structure.place or 1} of {path.name}", structure, self._spec.ids, "space.ids"))
        elif structure.name is not None:
            name = structure.name
        else:
            name = path.stem if structure.place is None else f"{path.stem}-{structure.place:06d}"
        try:
            return safe_file_name(_UNSAFE.sub("_", name), f"{key}: name of a structure")
        except Exception as error:
            raise ConfigurationError(f"{key}: a structure of {path.name!r} is called {shown(name)}: {error}") from error

    @cached_property
    def _duplicates(self) -> dict[str, str]:
        if self._spec.duplicates == "ignore":
            return {}
        return _duplicates_of({name: found.atoms for name, found in self._by_id.items()})

    @cached_property
    def _kept(self) -> tuple[str, ...]:
        same = self._duplicates
        if same and self._spec.duplicates == "refuse":
            name, first = min(same.items())
            raise ConfigurationError(
                f"space.duplicates: {name} is the same crystal as {first}, and {len(same) - 1} more are the same as another",
                hint="duplicates: drop keeps the first of each, report keeps all and marks them",
            )
        return tuple(name for name in self._by_id if self._spec.duplicates != "drop" or name not in same)

    def _system(self, candidate: str) -> str:
        spec, found = self._spec, self._by_id[candidate]
        if spec.system_key is not None:
            return str(_info_of(candidate, found, spec.system_key, "space.system_key"))
        if spec.systems == "all":
            return "all"
        if spec.systems == "formula":
            return _formula(found.atoms)
        if spec.systems == "elements":
            return "-".join(sorted(set(found.atoms.get_chemical_symbols())))
        if spec.systems == "space_group":
            return f"group-{space_groups([found.atoms], _TOLERANCE)[0]:03d}"
        return candidate if found.place is None else candidate.rpartition("-")[0]

    @cached_property
    def _pool(self) -> CandidatePool:
        several = [(name, self._by_id[name]) for name in self._kept]
        named = [self._system(name) for name, _ in several]
        systems = tuple(sorted(set(named)))
        place = {name: code for code, name in enumerate(systems)}
        codes = np.array([place[name] for name in named], dtype=np.intp)
        sizes = self._sizes([found.atoms for _, found in several])
        return CandidatePool(
            ids=np.array([name for name, _ in several]),
            systems=systems,
            system_codes=codes,
            surfaces=systems,
            surface_codes=codes,
            groups=structure_groups(self._spec.features, several),
            cost=self._cost(several, sizes),
            cost_descriptors=sizes,
            compositions=compositions(
                [Counter(found.atoms.get_chemical_symbols()) for _, found in several], self._spec.phases, self._base_path
            ),
        )

    def _cost(self, several: Sequence[tuple[str, FoundStructure]], sizes: FeatureGroup) -> FloatArray:
        spec, prior = self._spec, self._spec.cost_prior()
        if prior is not None:
            return CostModel.of_prior(prior).predict(sizes)
        if spec.cost_key is None:
            return np.asarray((sizes.values[:, 0] ** spec.cost.power)[sizes.index], dtype=np.float64)
        costs = []
        for candidate, found in several:
            value = _info_of(candidate, found, spec.cost_key, "space.cost_key")
            if isinstance(value, str | bool) or value <= 0:
                raise ConfigurationError(f"space.cost_key: {candidate}: {shown(value)}; expected a positive number")
            costs.append(float(value))
        return np.array(costs)

    def _sizes(self, structures: Sequence[Atoms]) -> FeatureGroup:
        """Numbers of atoms, and of k-points where cost is learned from them."""
        rows, columns = np.array([[float(len(atoms))] for atoms in structures]), ["atoms"]
        if (density := self._spec.cost.kpoint_density) is not None:
            points = [[float(np.prod(kpoint_grid(atoms.cell.array, density)))] for atoms in structures]
            rows, columns = np.hstack((rows, np.array(points))), [*columns, "kpoints"]
        return FeatureGroup.compact("cost", rows, np.arange(len(rows)), tuple(columns))


def _formula(atoms: Atoms) -> str:
    return str(atoms.symbols.formula.reduce()[0].format("hill"))


_LENGTHS, _SITES, _ANGLES = 0.003, 0.02, 0.5
"""Tolerances: edges relative to each other, distances of sites in units of the free length of an atom, angles [degrees]."""

_VOLUME = 0.003
"""Volumes of an atom that differ by more than this share are different crystals: a strained crystal is no duplicate."""


def _duplicates_of(structures: Mapping[str, Atoms]) -> dict[str, str]:
    """The id of an earlier equal structure, by the id of each duplicate."""
    with installed("space.duplicates needs pymatgen", hint="pip install 'tansaku[composition]', or duplicates: ignore"):
        from pymatgen.analysis.structure_matcher import StructureMatcher
        from pymatgen.io.ase import AseAtomsAdaptor
    matcher = StructureMatcher(ltol=_LENGTHS, stol=_SITES, angle_tol=_ANGLES, scale=False, attempt_supercell=False)
    found: dict[str, str] = {}
    for members in _of_one_formula(structures).values():
        by_volume = sorted(members, key=lambda name: (_volume(structures[name]), name))
        made = {name: AseAtomsAdaptor.get_structure(structures[name]) for name in members} if len(members) > 1 else {}
        first: list[str] = []
        pairs: list[tuple[str, str]] = []
        for name in by_volume:
            volume = _volume(structures[name])
            near = [other for other in reversed(first) if _volume(structures[other]) > volume * (1 - _VOLUME)]
            same = next((other for other in near if matcher.fit(made[other], made[name])), None)
            if same is None:
                first.append(name)
            else:
                pairs.append((same, name))
        found |= _by_first_id(pairs)
    return found


def _by_first_id(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Maps each structure of a set of equal ones, except the first by id, to that first one."""
    sets: dict[str, list[str]] = {}
    for same, name in pairs:
        sets.setdefault(same, [same]).append(name)
    return {name: min(names) for names in sets.values() for name in names if name != min(names)}


def _of_one_formula(structures: Mapping[str, Atoms]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(structures):
        formula = structures[name].symbols.formula.reduce()[0].format("hill")
        found.setdefault(formula, []).append(name)
    return found


def _volume(atoms: Atoms) -> float:
    return float(atoms.get_volume()) / len(atoms)


class Structures(list[Atoms]):
    """Structures that a descriptor sees, in the pool's order.

    Args:
        several: Candidates and what was found of them.
        key: Key of the spec that asks, for messages.
    """

    def __init__(self, several: Sequence[tuple[str, FoundStructure]], key: str) -> None:
        super().__init__(found.atoms for _, found in several)
        self.several = several
        self.key = key


def _check_features(specs: Mapping[str, FeaturesBase], atoms: int, limits: LimitsSpec | None) -> None:
    """Raises ConfigurationError if a descriptor would be computed for more atoms than the machine allows."""
    for name, spec in specs.items():
        if spec.limit is not None:
            check_limit(limits, spec.limit, atoms, f"space.features.{name}: atoms of all structures")


def structure_groups(
    specs: Mapping[str, FeaturesBase], several: Sequence[tuple[str, FoundStructure]]
) -> dict[str, FeatureGroup]:
    """The feature groups of a pool.

    Args:
        specs: Descriptors by the name of their group.
        several: Candidates and their structures, in the pool's order.

    Raises:
        ConfigurationError: A structure lacks what a descriptor needs.
        MissingComponentError: A package is not installed.
    """
    return {name: _group(name, spec, several) for name, spec in specs.items()}


def _group(name: str, spec: FeaturesBase, several: Sequence[tuple[str, FoundStructure]]) -> FeatureGroup:
    key = f"space.features.{name}"
    rows = np.asarray(opened("features", spec.type, spec.opener)(spec, Structures(several, key)), dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(several) or not rows.shape[1]:
        raise ConfigurationError(f"{key}: its plug-in returned an array of shape {rows.shape}; expected ({len(several)}, n)")
    if not np.isfinite(rows).all():
        raise ConfigurationError(f"{key}: its plug-in returned numbers that are not finite")
    categorical, columns = bool(getattr(spec, "categorical", False)), spec.column_names(rows.shape[1])
    mixed = not categorical and have_different_units(getattr(spec, "scale", None), columns)
    group = FeatureGroup.compact(name, rows, np.arange(len(several)), columns, categorical=categorical)
    return replace(group, mixed=mixed)


def composition_columns(spec: CompositionFeaturesSpec, structures: Structures) -> FloatArray:
    """Statistics of the elements' properties, shape ``(n, 3 * n_properties)``."""
    return composition_statistics(structures, spec.properties, structures.key)


def density_columns(_spec: FeaturesBase, structures: Structures) -> FloatArray:
    """Mass density [g/cm^3] and volume of an atom [Å^3], shape ``(n, 2)``."""
    return densities(structures)


def symmetry_columns(spec: SymmetryFeaturesSpec, structures: Structures) -> FloatArray:
    """Numbers of the space groups, shape ``(n, 1)``."""
    return np.array(space_groups(structures, spec.tolerance), dtype=np.float64)[:, None]


def soap_columns(spec: SoapFeaturesSpec, structures: Structures) -> FloatArray:
    """Principal components of averaged SOAP, shape ``(n, n_components)``."""
    return averaged_soap(structures, spec)


def info_columns(spec: InfoFeaturesSpec, structures: Structures) -> FloatArray:
    """Metadata, shape ``(n, n_keys)``; categories as codes in the order of their texts."""
    asking = f"{structures.key}.keys"
    columns = []
    for key in spec.keys:
        values = [_info_of(candidate, found, key, asking) for candidate, found in structures.several]
        if spec.categorical:
            known = {text: float(code) for code, text in enumerate(sorted({str(value) for value in values}))}
            columns.append([known[str(value)] for value in values])
            continue
        for (candidate, _), value in zip(structures.several, values, strict=True):
            if isinstance(value, str):
                raise ConfigurationError(
                    f"{asking}: {key} of {candidate} is {shown(value)}, not a number",
                    hint="categorical: true takes texts as categories",
                )
        columns.append([float(value) for value in values])
    return np.array(columns).T


def _info_of(candidate: str, found: FoundStructure, name: str, key: str) -> str | float:
    """A value of a structure's metadata."""
    if name not in found.info:
        there = ", ".join(sorted(found.info)[:12]) or "none"
        raise ConfigurationError(f"{key}: {candidate} has no {name!r}; its keys are {there}")
    value: str | float = found.info[name]
    return value
