"""Files of weights that earlier versions wrote: they load for ever and predict what they predicted then; none is replaced."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tansaku.models.domain.surrogates import Example
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.registry import _RESTORE, restored

FILES = sorted((Path(__file__).parents[1] / "data").glob("*.safetensors"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_file_predicts_what_it_predicted(path, require):
    require("safetensors")
    structure = bulk("Cu", "fcc", 3.61, cubic=True).repeat((1, 1, 2))
    structure.positions[3] += (0.1, 0.2, -0.05)
    prediction = restored(read_weights(path)).predict([Example("one", "one", structure, {})])[0]
    expected = json.loads(path.with_suffix(".json").read_text())
    assert prediction.keys() == expected.keys()
    for name, known in expected.items():
        assert prediction[name].values == pytest.approx(np.array(known["values"]), abs=1e-9)
        assert prediction[name].deviation == pytest.approx(np.array(known["deviation"]), rel=1e-6)


def test_every_kind_has_an_old_file():
    assert {path.stem.rpartition("-")[0] for path in FILES} == set(_RESTORE)
