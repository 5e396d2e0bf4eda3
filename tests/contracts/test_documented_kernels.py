"""The kernels, means and site files that two pages of docs/guide show are valid and mean something on a pool."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.engine.proposer_registry import build_proposer

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide"
TEXTS = [page.read_text(encoding="utf-8") for page in (GUIDE / "choosing-a-kernel.md", GUIDE / "hyper-parameters.md")]
BLOCKS = [block for text in TEXTS for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]


def _pool() -> CandidatePool:
    surfaces = np.repeat(np.arange(3), 4)
    return CandidatePool(
        ids=np.array([f"c{i:02d}" for i in range(12)]),
        systems=("a", "b"),
        system_codes=np.minimum(surfaces, 1),
        surfaces=("a0", "b0", "b1"),
        surface_codes=surfaces,
        groups={
            "translation": FeatureGroup("translation", np.eye(4)[:, :2], np.tile(np.arange(4), 3), ("x", "y")),
            "structure": FeatureGroup("structure", np.eye(3), surfaces, ("d0", "d1", "d2")),
            "angle": FeatureGroup("angle", np.array([[20.0], [50.0]]), np.minimum(surfaces, 1), ("angle",)),
        },
        cost=np.ones(12),
    )


@pytest.mark.parametrize("block", BLOCKS)
def test_what_the_page_shows_is_valid(block):
    document = yaml.safe_load(block)
    if "proposer" in document:
        assert build_proposer(GPProposerSpec.model_validate(document["proposer"])).initial_count(_pool()) == 2
    else:
        assert SiteSpec.model_validate(document).engine.device == "auto"


def test_every_kind_is_on_the_page():
    (text, _) = TEXTS
    schema = GPProposerSpec.model_json_schema()["$defs"]
    for name, part in schema.items():
        if name.endswith(("KernelSpec", "MeanSpec")):
            tag = part["properties"]["type"]
            for kind in [tag["const"]] if "const" in tag else tag["enum"]:
                assert re.search(rf"`{kind}`|type: {kind}\b", text), kind
