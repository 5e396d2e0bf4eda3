"""A trained surrogate as files of other programs that compute it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.surrogates import Surrogate

ProgramFormat = Literal["lammps", "n2p2"]


def export_for_program(model: Surrogate, name: str, form: ProgramFormat, folder: Path) -> list[Path]:
    """Writes the files.

    Args:
        model: A surrogate that other programs can compute.
        name: Of files whose names are free.
        form: ``lammps``: its ML-IAP package; ``n2p2``: ``pair_style hdnnp``.
        folder: Is made where it is missing.

    Returns:
        What was written.

    Raises:
        ConfigurationError: No other program computes such a model, or one that the program cannot compute.
    """
    path = model.spec.program_files
    if not path:
        raise ConfigurationError(f"--format {form}: {name} is a {model.spec.type}, expected a potential")
    files: dict[str, str] = opened("surrogates", model.spec.type, path)(model, name, form)
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in files]
