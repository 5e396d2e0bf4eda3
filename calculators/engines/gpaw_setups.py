"""The PAW data sets that GPAW reads, and whether GPAW and they are on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tansaku.calculators.engine import Probe, not_installed
from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.specs.calculators.gpaw import GpawSpec

PROBE = """
import gpaw
from tansaku.calculators.engines.gpaw_setups import find_setups
from tansaku.models.domain.errors import MissingComponentError
print(gpaw.__version__)
for xc in ("LDA", "PBE", "RPBE", "revPBE"):
    try:
        found = find_setups(xc)
        print(f"{xc} setups of {len(found.elements)} elements")
    except MissingComponentError:
        pass
"""


@dataclass(frozen=True)
class Setups:
    """The PAW data sets of a functional.

    Attributes:
        folder: Where they are.
        elements: Chemical symbols.
        hashes: SHA-256 of each file by its name.
    """

    folder: Path
    elements: frozenset[str]
    hashes: dict[str, str]

    @property
    def sha256(self) -> str:
        """Hash of their names and contents."""
        return content_hash(self.hashes)


@lru_cache(maxsize=8)
def find_setups(xc: str) -> Setups:
    """The data sets that GPAW uses with a functional.

    Raises:
        MissingComponentError: There are none on GPAW's search path.
    """
    from gpaw import setup_paths

    for folder in map(Path, setup_paths):
        # Others, such as Al.11.PBE.gz, are taken on request only.
        plain = (
            [path for path in folder.iterdir() if re.fullmatch(rf"[A-Z][a-z]?\.{xc}(\.gz)?", path.name)]
            if folder.is_dir()
            else []
        )
        named = {path.name: file_sha256(path) for path in sorted(plain)}
        if named:
            elements = frozenset(name.partition(".")[0] for name in named)
            return Setups(folder, elements, named)
    looked = ", ".join(map(str, setup_paths)) or "nowhere"
    raise MissingComponentError(
        f"calculator type gpaw has no {xc} setups (looked in {looked})", hint="pip install gpaw-data, or set GPAW_SETUP_PATH"
    )


def examine(probe: Probe) -> Finding:
    """Returns whether GPAW starts, and which setups it finds."""
    if absent := not_installed(GpawSpec, "(docs/guide/density-functional-theory.md lists what it is compiled with)"):
        return absent
    hint = "compile it again with the MPI of this environment: docs/guide/density-functional-theory.md"
    said = probe("gpaw", PROBE, hint)
    if isinstance(said, Finding):
        return said
    version, *setups = said.splitlines()
    if not setups:
        hint = "pip install gpaw-data, or set GPAW_SETUP_PATH"
        return Finding(name="gpaw", state="missing", detail=f"version {version} starts, but has no setups", hint=hint)
    return Finding(name="gpaw", state="ok", detail=f"version {version} starts; {', '.join(setups)}")
