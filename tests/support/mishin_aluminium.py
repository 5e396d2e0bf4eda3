"""The potential of aluminium by Mishin, Farkas, Mehl and Papaconstantopoulos (1999), of Debian's ``openkim-models``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

NAME = "Al99.eam.alloy"
MODEL = "EAM_Dynamo_MishinFarkasMehl_1999_Al__MO_651801486679_005"


def missing() -> str | None:
    """Why OpenKIM's models cannot be used, None where they can."""
    from tansaku.calculators.engines.openkim import model_files
    from tansaku.models.domain.errors import MissingComponentError

    try:
        model_files(MODEL)
    except MissingComponentError as error:
        return f"{error.message} (Debian package openkim-models)"
    return None


@pytest.fixture(scope="session")
def mishin_aluminium(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str], None]) -> Path:
    """Folder with the potential ``Al99.eam.alloy``; its lattice parameter is 4.05 Å."""
    from tansaku.calculators.engines.openkim import model_files

    require("openkim")
    require("lammps")
    folder = tmp_path_factory.mktemp("mishin")
    shutil.copy(model_files(MODEL).potential, folder / NAME)
    return folder
