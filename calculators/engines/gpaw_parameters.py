"""Keywords of GPAW, and the number of MPI ranks that it can use."""

from __future__ import annotations

from ase import Atoms

from tansaku.calculators.engines.electronic import initial_moments, structure_grid
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.electronic import SmearingSpec
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec

_SYMMETRY = 1e-4  # fractional; forces of equivalent atoms are equal to the tolerances of the density only


def gpaw_parameters(spec: GpawSpec, grid: tuple[int, int, int], charge: int = 0) -> JsonDict:
    """Keywords of ``gpaw.GPAW``.

    Args:
        grid: Numbers of k-points.
        charge: Of the cell [e]; a uniform background of the opposite charge compensates it.
    """
    bands = {} if spec.bands is None else {"nbands": f"{100 * spec.bands:g}%"}
    return {
        **bands,
        **({"charge": charge} if charge else {}),
        "mode": {"name": "pw", "ecut": spec.cutoff},
        "xc": spec.xc,
        "kpts": {"size": grid, "gamma": True},
        "occupations": _occupations(spec.smearing),
        "spinpol": spec.spin,
        "eigensolver": spec.eigensolver,
        "maxiter": spec.scf_steps,
        "symmetry": {"tolerance": _SYMMETRY},
        "convergence": {"energy": spec.energy_tolerance, "density": spec.density_tolerance},
    }


def _occupations(smearing: SmearingSpec) -> JsonDict:
    found: JsonDict = {"name": smearing.type.replace("_", "-"), "width": smearing.width}
    return found | {"order": 1} if smearing.type == "methfessel_paxton" else found


def usable_ranks(atoms: Atoms, spec: GpawSpec) -> int | None:
    """Number of MPI ranks that GPAW can use for a structure; None: any.

    GPAW shares out plane waves and bands with ScaLAPACK only. Compiled without it, it shares out spins and irreducible
    k-points, and aborts where there are more ranks than these.
    """
    import gpaw.dft
    from gpaw.utilities import compiled_with_sl

    if compiled_with_sl():
        return None
    structure = atoms.copy()
    structure.set_initial_magnetic_moments(initial_moments(structure, spec.magnetic_moments) if spec.spin else None)
    grid = structure_grid(structure, spec.kpoint_density)
    builder = gpaw.dft.Parameters(**gpaw_parameters(spec, grid)).dft_component_builder(structure)
    return len(builder.ibz) * int(builder.nspins)
