"""A trained potential as files of programs that run it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.surrogates import Surrogate

ProgramFormat = Literal["lammps", "n2p2"]


def export_for_program(model: Surrogate, name: str, form: ProgramFormat, folder: Path) -> list[Path]:
    """Writes the files.

    Args:
        model: A network potential.
        name: Of files whose names are free.
        form: ``lammps``: its ML-IAP package; ``n2p2``: ``pair_style hdnnp``.
        folder: Is made where it is missing.

    Returns:
        What was written.

    Raises:
        ConfigurationError: The model is no potential, or one that the program cannot compute.
    """
    from tansaku.models.surrogates.potential.mliap_files import mliap_files
    from tansaku.models.surrogates.potential.model import Potential
    from tansaku.models.surrogates.potential.n2p2_files import n2p2_files

    if not isinstance(model, Potential):
        raise ConfigurationError(f"--format {form}: {name} is a {model.spec.type}, expected a potential")
    files = mliap_files(model, name) if form == "lammps" else n2p2_files(model)
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in files]
