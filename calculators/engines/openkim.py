"""Interatomic potentials that OpenKIM's packages install, by the name of their model.

A portable model is a shared library that holds the files of its potential (``KIM_SharedLibrarySchema.hpp`` of the KIM API
2.x, https://openkim.org). LAMMPS reads these files itself, so that neither the KIM API's bindings nor its drivers are needed.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError

_NAME = re.compile(r"[A-Za-z]\w*__(MO|SM)_\d{12}_\d{3}")
_LIBRARY = "libkim-api-portable-model.so"
_SCHEMA = 2
_FILES = {"EAM_Dynamo": 1, "MEAM_LAMMPS": 3}
"""Drivers whose files LAMMPS reads, and the number of them."""

_EXPECTED = "EAM_Dynamo with 1 or MEAM_LAMMPS with 3"


class _File(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("length", ctypes.c_uint), ("content", ctypes.c_void_p))


class _Schema(ctypes.Structure):
    """The KIM API's ``SharedLibrarySchemaV2``, as far as it is needed."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("language", ctypes.c_int),
        ("create", ctypes.c_void_p),
        ("driver", ctypes.c_char_p),
        ("simulator", ctypes.c_void_p),
        ("count", ctypes.c_int),
        ("files", ctypes.POINTER(_File)),
    )


@dataclass(frozen=True)
class ModelFiles:
    """Files of a model's potential, as LAMMPS reads them.

    Attributes:
        potential: Tables of the embedded atom, or MEAM's file of parameters.
        library: MEAM's library of elements.
        elements: Its entries, in the order of their numbers in the file of parameters.
    """

    potential: Path
    library: Path | None = None
    elements: tuple[str, ...] = ()


def is_model(name: str) -> bool:
    """Returns whether a text has the form of a model's name, such as ``EAM_Dynamo_…_2009_AlMg__MO_658278549784_005``."""
    return _NAME.fullmatch(name) is not None


def model_files(name: str) -> ModelFiles:
    """Files of an installed model, written to the user's cache folder.

    Args:
        name: For which :func:`is_model` is true.

    Raises:
        ConfigurationError: LAMMPS cannot read the files of such a model.
        MissingComponentError: The model is not installed.
    """
    if "__SM_" in name:
        raise ConfigurationError(f"calculator.potential: {name} is a simulator model of OpenKIM; expected a portable one (MO)")
    library = next((file for folder in model_folders() if (file := folder / name / _LIBRARY).is_file()), None)
    if library is None:
        raise MissingComponentError(
            f"calculator.potential: the model {name} of OpenKIM is not installed",
            hint="apt install openkim-models, or conda install -c conda-forge openkim-models; or name its file",
        )
    driver, files = _read(library)
    kind = driver.partition("__")[0]
    if _FILES.get(kind) != len(files):
        raise ConfigurationError(
            f"calculator.potential: {name} is a model of {kind} with {len(files)} files; expected {_EXPECTED}"
        )
    paths = [_written(name, file, content) for file, content in files.items()]
    if len(paths) == 1:
        return ModelFiles(paths[0])
    lines = paths[0].read_text(encoding="latin-1").splitlines()
    return ModelFiles(paths[2], paths[1], tuple(word for line in lines for word in line.split("#")[0].split()))


def installed_models() -> list[str]:
    """Names of the installed models of drivers whose files LAMMPS reads, sorted."""
    names = {path.parent.name for folder in model_folders() for path in folder.glob(f"*__MO_*/{_LIBRARY}")}
    return sorted(name for name in names if is_model(name) and name.startswith(tuple(_FILES)))


def model_folders() -> list[Path]:
    """Folders in which the KIM API looks for portable models."""
    named = os.environ.get("KIM_API_PORTABLE_MODELS_DIR", "").split(":")
    own = sorted((Path.home() / ".kim-api").glob("*/portable-models-dir"))
    roots = [Path(sys.prefix, "lib"), Path("/usr/local/lib"), *sorted(Path("/usr/lib").glob("*-linux-*")), Path("/usr/lib")]
    return [*(Path(folder) for folder in named if folder), *own, *(root / "kim-api" / "portable-models" for root in roots)]


def _read(library: Path) -> tuple[str, dict[str, bytes]]:
    """Name of a model's driver, and the files of its potential.

    Raises:
        ConfigurationError: The library cannot be loaded, or is made for another KIM API.
    """
    try:
        loaded = ctypes.CDLL(str(library))
        version = ctypes.c_int.in_dll(loaded, "kim_shared_library_schema_version").value
        schema = _Schema.in_dll(loaded, "kim_shared_library_schema")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"calculator.potential: the model cannot be loaded: {error}") from error
    if version != _SCHEMA:
        message = f"calculator.potential: {library} is made for schema {version} of the KIM API; expected {_SCHEMA}"
        raise ConfigurationError(message)
    files = {file.name.decode(): ctypes.string_at(file.content, file.length) for file in schema.files[: schema.count]}
    return (schema.driver or b"").decode(), files


def _written(model: str, name: str, content: bytes) -> Path:
    """Path of a file with this content in the user's cache folder. Raises ConfigurationError where it cannot be written."""
    path = Path.home() / ".cache" / "tansaku" / "openkim" / model / Path(name).name
    try:
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
            aside.write_bytes(content)
            aside.replace(path)
    except OSError as error:
        message = f"calculator.potential: files of {model} cannot be kept in {path.parent}: {error.strerror}"
        raise ConfigurationError(message) from error
    return path
