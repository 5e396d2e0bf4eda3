"""Which variables of the environment a child process is given."""

from __future__ import annotations

import pytest

from tansaku.tasks.ground.settings import child_variables


@pytest.mark.parametrize(
    "name",
    [
        *("GPAW_PASSPHRASE", "PMG_PASS", "CUDA_PASS", "LC_PASS", "VASP_PWD", "ATOMATE2_PW", "TORCH_CRED", "SLURM_CREDS"),
        *(
            "ASE_CREDENTIALS",
            "FI_CREDENTIAL",
            "PMG_MAPI_KEY",
            "UCX_PASS_PHRASE",
            "vasp_pwd",
            "PYTHON_PWD_HASH",
            "PMG_DB_PASS_RO",
        ),
    ],
)
def test_names_that_look_like_secrets_are_kept_back(name: str) -> None:
    assert child_variables({name: "x"}) == {}


@pytest.mark.parametrize(
    "name", ["CUDA_BYPASS", "VASP_COMPASS", "FI_PASSIVE", "SLURM_JOB_ID", "GPAW_SETUP_PATH", "OMP_NUM_THREADS"]
)
def test_other_names_with_a_known_prefix_are_passed(name: str) -> None:
    assert child_variables({name: "x"}) == {name: "x"}
