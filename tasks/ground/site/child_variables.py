"""Environment variables passed to child processes: an allow-list of what calculators read, which excludes secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tansaku.models.domain.secret_variables import is_reserved
from tansaku.models.domain.specs.calculators.table import variables

_NAMES = frozenset(
    {
        # The user's session.
        *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "KRB5CCNAME", "SCRATCH"),
        # Where programs, libraries and modules are.
        *("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"),
        *("MODULEPATH", "MODULESHOME", "LOADEDMODULES", "_LMFILES_"),
        # Folders of what packages keep; not the other HF_ variables, one of which is a token.
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLBACKEND", "MPLCONFIGDIR"),
        *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "DO_NOT_TRACK"),
        # Our own that a worker's calculators may need.
        *("TANSAKU_HOME", "TANSAKU_REQUIRE_ALL"),
        # Devices.
        *("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK"),
    }
)
_PREFIXES = (
    *("LC_", "PYTHON", "LMOD_"),
    # Numerical libraries.
    *(
        "OMP_",
        "GOMP_",
        "KMP_",
        "MKL_",
        "OPENBLAS_",
        "GOTO_",
        "BLIS_",
        "NUMEXPR_",
        "TORCH_",
        "PYTORCH_",
        "CUDA_",
        "NVIDIA_",
        "NCCL_",
    ),
    # MPI, and the batch system whose job this may be.
    *("SLURM_", "PMI_", "PMIX_", "PALS_", "OMPI_", "PRTE_", "MPICH_", "HYDRA_", "I_MPI_", "UCX_", "FI_", "PSM2_", "CRAY_"),
    # Calculators.
    *("ASE_", *variables()),
)
_SECRET_WORD = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|AUTH|JWT|MONGO"
    # Short words stand alone: BYPASS and COMPASS hold no secret.
    r"|(?:^|_)(?:(?:API)?KEY|PASS|PWD|PW|CREDS?)(?:$|_)",
    re.IGNORECASE,
)


def child_variables(environment: Mapping[str, str], added: Collection[str] = ()) -> dict[str, str]:
    """Returns the part of an environment that is passed to a child process.

    Args:
        environment: The parent's.
        added: Further names, from the site file.
    """
    return {name: value for name, value in environment.items() if name in added or _is_known(name) if not is_reserved(name)}


def names_secret(name: str) -> bool:
    """Returns whether the name of a variable or a key says that its value is secret."""
    return is_reserved(name) or _SECRET_WORD.search(name) is not None


def _is_known(name: str) -> bool:
    return name in _NAMES or (name.startswith(_PREFIXES) and not names_secret(name))
