"""Pseudopotentials in UPF format, as Quantum ESPRESSO reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from tansaku.calculators.frozen_files import freeze
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.specs.calculators.espresso import EspressoSpec

DEBIAN_FOLDER = Path("/usr/share/espresso/pseudo")

_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class Pseudopotentials:
    """Pseudopotential files of a spec, checked by reading their headers.

    Attributes:
        folder: Where they are.
        files: Name by element.
        functional: As the files name it.
        sha256: Hash of elements and contents.
        hashes: Hash of the content by element.
    """

    folder: Path
    files: dict[str, str]
    functional: str
    sha256: str
    hashes: dict[str, str]

    def frozen(self) -> Pseudopotentials:
        """The same, of files that do not change. Raises TransientError if they have changed since they were hashed."""
        hashes = {name: self.hashes[element] for element, name in self.files.items()}
        copies = freeze({name: self.folder / name for name in hashes}, hashes)
        return replace(self, folder=next(iter(copies.values())).parent)


def find_pseudopotentials(spec: EspressoSpec, base_path: Path) -> Pseudopotentials:
    """Finds and reads a spec's pseudopotentials.

    Raises:
        ConfigurationError: One is missing, damaged, of another element, or they are of different functionals.
    """
    folder = base_path / spec.folder if spec.folder is not None else DEBIAN_FOLDER
    functionals: dict[str, str] = {}
    hashes: dict[str, str] = {}
    for element, name in sorted(spec.pseudopotentials.items()):
        key, path = f"calculator.pseudopotentials.{element}", folder / name
        if not path.is_file():
            hint = None if spec.folder is not None else "apt-get install quantum-espresso-data, or give calculator.folder"
            raise ConfigurationError(f"{key}: no file {name!r} in {folder}", hint=hint)
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{key}: {name} is larger than {_LARGEST >> 20} MiB")
        found, functional = _read_upf(path.read_text(encoding="latin-1"))
        if found != element:
            raise ConfigurationError(f"{key}: {name} is of {found or 'no element'}, expected a UPF file of {element}")
        functionals[name] = functional
        hashes[element] = file_sha256(path)
    first, *others = functionals.items()
    for other in others:
        if other[1] != first[1]:
            raise ConfigurationError(
                f"calculator.pseudopotentials: {first[0]} is for {first[1]}, {other[0]} for {other[1]}; expected one functional"
            )
    sha256 = content_hash(hashes)
    if spec.pseudopotentials_sha256 not in (None, sha256):
        raise ConfigurationError(
            f"calculator.pseudopotentials_sha256: the files have {sha256}, expected {spec.pseudopotentials_sha256}",
            hint="a file was changed since the campaign was made",
        )
    return Pseudopotentials(folder.resolve(), dict(spec.pseudopotentials), first[1], sha256, hashes)


def _read_upf(text: str) -> tuple[str, str]:
    """Element and functional of a UPF file, of version 2 (attributes) or 1 (a header of lines)."""
    element = re.search(r"""element\s*=\s*["']\s*([A-Z][a-z]?)\s*["']""", text) or re.search(
        r"^\s*([A-Z][a-z]?)\s+Element", text, re.MULTILINE
    )
    functional = re.search(r"""functional\s*=\s*["']\s*([^"']*?)\s*["']""", text) or re.search(
        r"^\s*(\S.*?)\s+(?:PBE\s+)?Exchange-Correlation functional", text, re.MULTILINE
    )
    return (element[1] if element else ""), (" ".join(functional[1].split()).upper() if functional else "UNKNOWN")
