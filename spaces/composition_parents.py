"""The parent of a composition space, from a shipped prototype or a CIF, with the ions of its sites.

The lists of ions, exclusions and marks of the shipped prototypes are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tansaku.calculators.structures.cif_parent import SiteRequest, parent_from_cif
from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.tavorite import tavorite
from tansaku.calculators.structures.transformations import build_transformation
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.specs.composition import CombinationSpec, CompositionSpaceSpec
from tansaku.models.domain.specs.limits import DEFAULT_LIMITS, LimitsSpec
from tansaku.spaces.composition_rules import require_site


@dataclass(frozen=True)
class Prototype:
    """A structure with the ions its sites may take.

    Attributes:
        parent: Makes the structure.
        ions: Ions of each site that takes others.
        exclude: Combinations left out.
        mark: Combinations marked as unlikely.
    """

    parent: Callable[[], Parent]
    ions: Mapping[str, tuple[str, ...]]
    exclude: tuple[CombinationSpec, ...]
    mark: tuple[CombinationSpec, ...]


_MARKS = (
    ({"M": ("Ca2+", "Cd2+", "Y3+")}, "M larger than 0.85 Å usually has more than six neighbours"),
    ({"M": ("Cu2+",)}, "Cu2+ distorts its octahedron (Jahn-Teller)"),
    ({"M": ("Fe2+", "V3+"), "X": ("Se6+",)}, "Se(VI) oxidises M"),
    ({"Z": ("Cl-",)}, "no tavorite with bridging chloride is known to us"),
    ({"X": ("Si4+", "Ge4+"), "Z": ("F-", "Cl-", "OH-")}, "no tavorite of this kind with SiO4 or GeO4 is known to us"),
    ({"X": ("S6+", "Se6+"), "Z": ("O2-",)}, "no oxide sulfate or selenate with this structure is known to us"),
)

PROTOTYPES: Mapping[str, Prototype] = {
    "tavorite": Prototype(
        parent=tavorite,
        ions={
            "A": ("Li+", "Na+"),
            "M": (
                *("Mg2+", "Ca2+", "Mn2+", "Fe2+", "Co2+", "Ni2+", "Cu2+", "Zn2+", "Cd2+"),
                *("Al3+", "Ga3+", "In3+", "Sc3+", "Y3+", "V3+", "Cr3+", "Fe3+"),
                *("Ti4+", "Zr4+", "Hf4+", "Sn4+", "Ge4+"),
                *("Nb5+", "Ta5+"),
            ),
            "X": ("S6+", "Se6+", "P5+", "As5+", "Si4+", "Ge4+"),
            "Z": ("F-", "Cl-", "OH-", "O2-"),
        },
        exclude=(CombinationSpec(ions={"M": ("Ge4+",), "X": ("Ge4+",)}, reason="one element on octahedra and tetrahedra"),),
        mark=tuple(CombinationSpec(ions=ions, reason=reason) for ions, reason in _MARKS),
    )
}
"""Prototypes by name."""


@dataclass(frozen=True)
class OpenedParent:
    """A parent with the ions allowed on its sites.

    Attributes:
        ions: Candidate ions of the substituted sites.
        exclude: Combinations left out.
        mark: Combinations marked as unlikely.
    """

    parent: Parent
    ions: Mapping[str, tuple[Ion, ...]]
    exclude: tuple[CombinationSpec, ...]
    mark: tuple[CombinationSpec, ...]


def open_parent(spec: CompositionSpaceSpec, base_path: Path, limits: LimitsSpec | None = None) -> OpenedParent:
    """Opens the parent of a space.

    Args:
        spec: The space.
        base_path: Folder in which relative paths start.
        limits: What the spec may ask for; None: a file whose content is the known one was judged before.

    Raises:
        ConfigurationError: The file or a site does not fit.
        MissingComponentError: pymatgen is not installed.
    """
    return _from_prototype(spec) if spec.parent.prototype is not None else _from_cif(spec, base_path, limits)


def _from_prototype(spec: CompositionSpaceSpec) -> OpenedParent:
    prototype = PROTOTYPES[str(spec.parent.prototype)]
    parent = prototype.parent()
    lists = dict(prototype.ions)
    for name, site in spec.sites.items():
        if name not in lists:
            raise ConfigurationError(f"space.sites: {parent.name} has no site {name!r} to fill; expected {', '.join(lists)}")
        if site.replaces is not None or site.labels is not None:
            raise ConfigurationError(f"space.sites.{name}: replaces and labels belong to a CIF; {parent.name} needs ions only")
        lists[name] = site.ions or lists[name]
    mobile = parent.mobile if spec.mobile is None else require_site(spec.mobile, parent, "space.mobile")
    return OpenedParent(
        parent=replace(parent, mobile=mobile),
        ions={name: tuple(map(Ion.parse, ions)) for name, ions in lists.items()},
        exclude=prototype.exclude if spec.exclude is None else spec.exclude,
        mark=prototype.mark if spec.mark is None else spec.mark,
    )


def _from_cif(spec: CompositionSpaceSpec, base_path: Path, limits: LimitsSpec | None) -> OpenedParent:
    path = base_path / str(spec.parent.cif)
    if spec.parent.sha256 is not None and path.is_file() and file_sha256(path) != spec.parent.sha256:
        raise ConfigurationError(
            f"space.parent.cif: {path.name!r} has sha256 {file_sha256(path)}, expected {spec.parent.sha256}",
            hint="the file has changed since the campaign began; restore it or start a new campaign",
        )
    requests = {}
    for name, site in spec.sites.items():
        if site.replaces is None:
            raise ConfigurationError(f"space.sites.{name}.replaces: missing; expected what stands there in the CIF, e.g. V3+")
        requests[name] = SiteRequest(Ion.parse(site.replaces), site.labels or ())
    transformations = [build_transformation(transformation) for transformation in spec.parent.transformations]
    parent = parent_from_cif(path, requests, spec.mobile, transformations, _judged(spec, limits))
    if spec.mobile is not None:
        require_site(spec.mobile, parent, "space.mobile")
    ions = {name: tuple(map(Ion.parse, site.ions)) for name, site in spec.sites.items() if site.ions is not None}
    if not ions:
        raise ConfigurationError("space.sites: no site has ions to choose from; expected ions on at least one")
    return OpenedParent(parent=parent, ions=ions, exclude=spec.exclude or (), mark=spec.mark or ())


def _judged(spec: CompositionSpaceSpec, limits: LimitsSpec | None) -> LimitsSpec | None:
    """Limits for the file; none if its known content was checked before."""
    return limits or (None if spec.parent.sha256 is not None else DEFAULT_LIMITS)
