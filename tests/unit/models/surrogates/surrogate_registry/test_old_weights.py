"""Files of weights that earlier versions wrote: they load for ever and predict what they predicted then; none is replaced."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.domain.ours import OURS
from tansaku.models.domain.surrogates import Example
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored

FILES = sorted((Path(__file__).parents[1] / "data").glob("*.safetensors"))


def field():
    """Of no symmetry, on 12 x 12 x 24 points of the cell."""
    x, y, z = np.meshgrid(*(2 * np.pi * np.arange(n) / n for n in (12, 12, 24)), indexing="ij")
    return 0.3 * np.exp(np.cos(x) + 0.5 * np.cos(y - 1) + 0.7 * np.cos(2 * z) + 0.2 * np.cos(x + y - z) + 0.1 * np.sin(2 * x))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_file_predicts_what_it_predicted(path, require):
    require("safetensors")
    structure = bulk("Cu", "fcc", 3.61, cubic=True).repeat((1, 1, 2))
    structure.positions[3] += (0.1, 0.2, -0.05)
    prediction = restored(read_weights(path)).predict([Example("one", "one", structure, {}, {"density": field()})])[0]
    expected = json.loads(path.with_suffix(".json").read_text())
    assert prediction.keys() == expected.keys()
    for name, known in expected.items():
        assert prediction[name].values == pytest.approx(np.array(known["values"]), abs=1e-9)
        assert prediction[name].deviation == pytest.approx(np.array(known["deviation"]), rel=1e-6)


def test_every_kind_has_an_old_file():
    assert {path.stem.rpartition("-")[0] for path in FILES} == set(OURS["surrogates"])
