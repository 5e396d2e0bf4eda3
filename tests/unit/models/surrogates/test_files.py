import numpy as np
import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.surrogates import Weights
from tansaku.models.surrogates.files import FileCheckpoints, read_weights, write_weights

pytestmark = pytest.mark.needs("safetensors")


def test_arrays_and_plain_data_come_back(tmp_path):
    arrays = {
        "flags": np.array([True, False]),
        "matrix": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "empty": np.empty((0, 4)),
        "numbers": np.arange(3),
    }
    weights = Weights(arrays, {"type": "x", "third": 1 / 3, "list": [None, "ä"]})
    found = read_weights(write_weights(weights, tmp_path / "a.safetensors"))
    assert found.document == weights.document
    for name, array in arrays.items():
        assert np.array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"\x80\x04pickled")
    with pytest.raises(StoreError, match="does not contain weights"):
        read_weights(path)
    with pytest.raises(StoreError, match="does not contain weights"):
        read_weights(tmp_path / "absent")
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, path)
    with pytest.raises(StoreError, match="no description of them"):
        read_weights(path)


def test_half_a_file_is_refused_and_a_failed_write_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.safetensors"
    write_weights(Weights({"a": np.arange(100.0)}, {"n": 1}), path)
    with pytest.raises(ValueError, match="Out of range float"):
        write_weights(Weights({"a": np.zeros(1)}, {"n": float("nan")}), path)
    assert read_weights(path).document == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StoreError):
        read_weights(path)


def test_a_checkpoint_is_replaced_and_forgotten(tmp_path):
    checkpoints = FileCheckpoints(tmp_path / "deep" / "checkpoint.safetensors")
    assert checkpoints.load() is None
    for number in (1, 2):
        checkpoints.save(Weights({}, {"n": number}))
    assert checkpoints.load().document == {"n": 2}
    checkpoints.clear()
    assert checkpoints.load() is None
    checkpoints.clear()
