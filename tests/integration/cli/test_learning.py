"""A data set computed by a campaign, a model trained on it, and the registry, by the commands that a user types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tansaku.models.domain.specs.dataset import FileSourceSpec
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.tasks.loop.datasets.extxyz import read_user_file


@pytest.fixture
def files(copper) -> Path:
    folder = copper("copper-emt", "copper")
    lasso = (folder / "model.yaml").read_text()
    ridge = "surrogate: {type: kernel_ridge, descriptors: [{type: radial, cutoff: 5.0}]}\n"
    (folder / "ridge.yaml").write_text(lasso.partition("surrogate:")[0] + ridge)
    return folder


def test_from_a_data_set_to_a_promoted_model(tansaku, files, monkeypatch):
    built = tansaku("dataset", "build", files / "copper-emt.yaml", "--plain")
    assert built.code == 0, built.err
    assert "copper-emt: 8 structures" in built.out
    listed = json.loads(tansaku("dataset", "list", "--json").out)
    dataset = next(one for one in listed if one["name"] == "copper-emt")
    assert sorted(dataset["groups"].values()).count("held_out") == 1
    assert dataset["properties"] == ["energies", "energy", "forces", "stress"]
    assert dataset["cost"] > 0

    # Nothing is computed twice, and the same content is stored once.
    again = tansaku("dataset", "build", files / "copper-emt.yaml", "--plain")
    assert again.code == 0
    assert len(json.loads(tansaku("dataset", "list", "--json").out)) == len(listed)

    trained = tansaku("model", "train", files / "model.yaml")
    assert trained.code == 0, trained.err
    assert "copper@1: the first version" in trained.out
    assert trained.err.startswith("step 1: ")
    ridge = tansaku("model", "train", files / "ridge.yaml", "--json")
    assert json.loads(ridge.out)["parent"] == 1
    assert "copper@2" in tansaku("model", "list", "copper").out
    assert [one["version"] for one in json.loads(tansaku("model", "compare", "copper@1", "copper@2", "--json").out)] == [1, 2]

    assert "× " in tansaku("model", "compare", "copper@1", "copper@2").out

    figures = tansaku("model", "show", "copper@1", "--figures", files / "figures", "--json")
    assert json.loads(figures.out)["version"] == 1
    assert len(list((files / "figures").glob("*.png"))) == 3

    both = tansaku("model", "compare", "copper@1", "copper@2", "--figures", files / "both")
    drawn = {path.name for path in (files / "both").glob("*.png")}
    assert {name.rpartition("-")[0] for name in drawn} == {"copper-1", "copper-2"}, both.err
    assert len(drawn) > 3

    assert tansaku("model", "promote", "copper@2").out == "copper@2: promoted\n"
    assert json.loads(tansaku("model", "show", "copper", "--json").out)["version"] == 2
    assert tansaku("model", "promote", "copper@1").code == 0

    exported = files / "weights.safetensors"
    assert tansaku("model", "export", "copper", "--out", exported).code == 0
    assert tansaku("dataset", "export", "copper-emt", "--out", files / "out.extxyz.gz", "--only", "energies").code == 0
    examples = read_user_file(files / "out.extxyz.gz", FileSourceSpec(path="out", group="group"))
    predictions = restored(read_weights(exported)).predict(examples)
    assert all(len(one["energies"].values) == len(known.structure) for one, known in zip(predictions, examples, strict=True))
    assert tansaku("dataset", "export", "copper-emt", "--out", files / "out.h5").code == 0

    told = tansaku("model", "predict", "copper", files / "out.extxyz.gz", "--out", files / "said.extxyz")
    assert told.out.startswith("copper@1: 8 structures in "), told.err
    wanted = FileSourceSpec(path="said", energies="predicted_energies", energy="predicted_energy", group="group")
    for said, prediction in zip(read_user_file(files / "said.extxyz", wanted), predictions, strict=True):
        assert said.properties["energies"] == pytest.approx(prediction["energies"].values, abs=1e-7)
        assert float(said.properties["energy"]) == pytest.approx(float(prediction["energy"].values), abs=1e-6)
    assert "predicted_energies_deviation:R:1" in (files / "said.extxyz").read_text()

    # The exported file is a data set of its own.
    (files / "mine.yaml").write_text(
        "schema_version: 1\nsource: {type: file, path: out.extxyz.gz, group: group}\n"
        "split: {type: above, key: sigma, above: 9}\n"
    )
    mine = tansaku("dataset", "build", files / "mine.yaml")
    assert mine.code == 0, mine.err
    assert "file out.extxyz.gz" in mine.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("dataset", "show", "nothing"), 3, "data set 'nothing' is not stored"),
        (("dataset", "export", "nothing", "--out", "a.csv"), 2, "expected a name that ends in .extxyz, .extxyz.gz or .h5"),
        (("dataset", "export", "nothing", "--out", "no/such/a.h5"), 2, "expected an existing folder"),
        (("dataset", "export", "nothing", "--out", "a.h5", "--only", "energy"), 2, "HDF5 has all properties"),
        (("model", "show", "nothing"), 3, "no model 'nothing' is stored"),
        (("model", "promote", "nothing"), 2, "expected NAME@VERSION"),
        (("model", "promote", "nothing@1"), 3, "no model 'nothing@1' is stored"),
        (("model", "export", "nothing", "--out", "a.pkl"), 2, "ends in .safetensors"),
        (("model", "predict", "nothing", "a.extxyz", "--out", "b.cif"), 2, "ends in .extxyz or .extxyz.gz"),
    ],
)
def test_what_is_wrong_is_said(tansaku, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    ended = tansaku(*arguments)
    assert ended.code == code
    assert message in ended.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("per_system: 2", "per_system: 0"), "per_system"),
        (("polish: 0", "polish: 1"), "a data set has no final relaxation"),
        (("type: computed", "type: dreamt"), "type 'dreamt' is not known"),
        (("split: {type: above, key: sigma, above: 9}", "split: {type: share, held_out: 1.5}"), "held_out"),
        (("planes: [[1, 1, 1], ", "planes: [[1, 1, 1], [1, 1, 1], "), "listed already"),
    ],
)
def test_a_wrong_data_set_file_is_refused_before_anything_is_spent(tansaku, copper, change, message):
    ended = tansaku("dataset", "build", copper("wrong", "copper", change) / "wrong.yaml", "--plain")
    assert ended.code == 2
    assert message in ended.err
    assert tansaku("status", "wrong").code == 3
