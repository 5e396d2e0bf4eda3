"""Training by a process of its own, killed with SIGKILL and started again: the same weights, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tansaku.tasks.loop.datasets.extxyz import write_extxyz

_PATIENCE = 240.0
MODEL = """\
schema_version: 1
name: {name}
dataset: killed-copper
surrogate: {surrogate}
"""
SURROGATES = {
    "local-energies": """
  type: local_energies
  descriptors: [{type: radial, cutoff: 5.0, widths: [0.1, 0.2, 0.4]}]
  total_weights: [0.0, 1.0, 10.0]
  path_points: 60
  path_ratio: 1e-6
  patience: 60
  tolerance: 1e-9
""",
    "potential": """
  type: potential
  environment: {type: symmetry_functions, cutoff: 4.5, radial: 4, angular: 1, zetas: [1]}
  hidden: [6]
  members: 2
  patience: 100
  trainer: {type: levenberg_marquardt, cycles: 100}
""",
}
NEEDED = {"local-energies": ("sklearn",), "potential": ("torch",)}


@pytest.fixture(params=list(SURROGATES))
def kind(request) -> str:
    return request.param


@pytest.fixture
def folder(kind: str, tmp_path: Path, require, emt_examples, mongo_server) -> Path:
    for package in ("h5py", "safetensors", *NEEDED[kind]):
        require(package)
    write_extxyz(emt_examples(groups=8, per_group=3), tmp_path / "copper.extxyz")
    (tmp_path / "killed-copper.yaml").write_text(
        "schema_version: 1\nsource: {type: file, path: copper.extxyz, group: group}\n"
        "split: {type: above, key: strain, above: 5.5}\n"
    )
    for name in ("killed", "spared"):
        text = MODEL.format(name=f"{kind}-{name}", surrogate=SURROGATES[kind])
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def test_a_killed_training_goes_on_to_the_same_weights(kind, folder, tansaku, warm_workers):
    assert tansaku("dataset", "build", folder / "killed-copper.yaml").code == 0
    with (folder / "output").open("wb") as output:
        process = warm_workers.command(["model", "train", "killed.yaml"], output, output, dict(os.environ), folder)
    checkpoints = Path(os.environ["TANSAKU_HOME"], "training")
    begun = time.monotonic()
    while not list(checkpoints.rglob("checkpoint.safetensors")):
        assert process.poll() is None, (folder / "output").read_text()
        assert time.monotonic() - begun < _PATIENCE, (folder / "output").read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert tansaku("model", "show", f"{kind}-killed").code == 3
    assert list(checkpoints.rglob("checkpoint.safetensors"))

    shown = {}
    for name in ("killed", "spared"):
        ended = tansaku("model", "train", folder / f"{name}.yaml", "--json")
        assert ended.code == 0, ended.err
        shown[name] = json.loads(ended.out)
    assert shown["killed"]["artifact"] == shown["spared"]["artifact"]
    assert shown["killed"]["report"] == shown["spared"]["report"]
    assert not list(checkpoints.rglob("checkpoint.safetensors"))
