"""Calculators of ASE that cannot be made by their class alone; arguments are those that the table of allowed ones names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ase.calculators.calculator import BaseCalculator


def dftb(*, slako_dir: str, directory: str, **keywords: Any) -> BaseCalculator:  # noqa: ANN401 - ASE's keywords
    """DFTB+; its input says Yes and No, and it wants the end of a folder's name."""
    from ase.calculators.dftb import Dftb

    said = {name: ("Yes" if value else "No") if isinstance(value, bool) else value for name, value in keywords.items()}
    return Dftb(
        command="dftb+ > PREFIX.out",
        slako_dir=f"{slako_dir}/",
        directory=directory,
        Hamiltonian_MaxAngularMomentum_="",
        **said,
    )


def tblite(**keywords: Any) -> BaseCalculator:  # noqa: ANN401 - ASE's keywords
    """TBLite, which otherwise prints every step to self-consistency."""
    from tblite.ase import TBLite

    found: BaseCalculator = TBLite(verbosity=0, **keywords)
    return found


def orb(*, model: str, weights_path: str, device: str = "cpu", precision: str = "float64") -> BaseCalculator:
    """An ORB model with weights from a file; nothing is fetched, and nothing compiled, which would take each worker minutes."""
    from orb_models.forcefield import pretrained
    from orb_models.forcefield.calculator import ORBCalculator

    load = getattr(pretrained, model.replace("-", "_"))
    loaded = load(weights_path=weights_path, device=device, precision=precision, compile=False)
    found: BaseCalculator = ORBCalculator(loaded, device=device)
    return found


def mattersim(*, load_path: str, device: str = "cpu") -> BaseCalculator:
    """A MatterSim model with weights from a file; nothing is fetched."""
    from mattersim.forcefield import MatterSimCalculator, Potential

    found: BaseCalculator = MatterSimCalculator(
        potential=Potential.from_checkpoint(load_path=load_path, device=device), device=device
    )
    return found


def diep(*, device: str = "cpu") -> BaseCalculator:
    """DIEP with the weights of its package, whatever the environment names.

    Tawfik et al., Digital Discovery (2024); fitted to MatPES, r2SCAN.
    """
    from diep import pretrained

    folder = Path(pretrained.__file__).parent / "pretrained_models" / "diep_fold1"
    found: BaseCalculator = pretrained.make_calculator(folder, device=device)
    return found


def grace(*, model: str) -> BaseCalculator:
    """A GRACE model from its folder."""
    from tensorpotential.calculator import TPCalculator

    found: BaseCalculator = TPCalculator(model=model)
    return found
