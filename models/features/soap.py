"""Smooth overlap of atomic positions (SOAP) of a boundary cell, relative to the crystal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.models.domain.errors import installed
from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from tansaku.models.domain.specs.descriptors import SoapDescriptorSpec
    from tansaku.models.domain.specs.structure_features import SoapFeaturesSpec


@dataclass(frozen=True)
class SoapSettings:
    """Power spectrum of Bartók, Kondor and Csányi 2013 (doi:10.1103/PhysRevB.87.184115), as dscribe computes it.

    Attributes:
        cutoff: [Å]
        radial: Number of radial functions.
        angular: Largest degree of the spherical harmonics.
        smearing: Width of an atom's Gaussian [Å].
    """

    cutoff: float = 5.0
    radial: int = 6
    angular: int = 4
    smearing: float = 0.5


def load_soap(needs: str) -> Any:  # noqa: ANN401 - a class of dscribe
    """The descriptor's class.

    Args:
        needs: What needs it, and the verb, for messages.

    Raises:
        MissingComponentError: dscribe is not installed.
    """
    with installed(f"{needs} the package dscribe", hint="pip install 'tansaku[soap]'"):
        from dscribe.descriptors import SOAP
    return SOAP


def compressed_soap(
    needs: str, species: Sequence[str], spec: SoapFeaturesSpec | SoapDescriptorSpec, *, periodic: bool = True
) -> Any:  # noqa: ANN401 - an object of dscribe, which has no types
    """The descriptor of atoms' surroundings, elements compressed as a spec says; ``needs`` as of :func:`load_soap`."""
    return load_soap(needs)(
        species=list(species),
        periodic=periodic,
        r_cut=spec.cutoff,
        n_max=spec.radial,
        l_max=spec.angular,
        sigma=spec.smearing,
        average="off",
        compression={"mode": spec.compression},
    )


def soap_difference(cell: Atoms, crystal: Atoms, settings: SoapSettings) -> FloatArray:
    """Mean power spectrum of a cell's atoms minus the crystal's, scaled to grains as thick as the cutoff.

    Atoms inside the grains see the crystal and add nothing, so that the scaled difference does not depend on the spacing.

    Args:
        cell: A cell with two boundaries normal to its third vector; one element.
        crystal: A cell of the perfect crystal.
        settings: Cutoff and basis.

    Returns:
        Shape ``(n_features,)``.

    Raises:
        MissingComponentError: dscribe is not installed.
    """
    soap = load_soap("space.soap: true needs")(
        species=sorted(set(cell.get_chemical_symbols())),
        periodic=True,
        r_cut=settings.cutoff,
        n_max=settings.radial,
        l_max=settings.angular,
        sigma=settings.smearing,
        average="off",
    )
    spectra = np.asarray(soap.create(cell), dtype=np.float64)
    reference = np.asarray(soap.create(crystal), dtype=np.float64)[0]
    thickness = float(cell.cell.lengths()[2]) / 2.0
    return np.asarray((spectra.mean(axis=0) - reference) * thickness / settings.cutoff, dtype=np.float64)
