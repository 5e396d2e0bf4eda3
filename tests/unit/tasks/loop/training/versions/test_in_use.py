"""A campaign's models are known by their content, wherever in its spec their files stand."""

from types import SimpleNamespace

from tansaku.tasks.loop.training.versions import models_in_use

REGISTRY = SimpleNamespace(
    readable_models=lambda: (
        [SimpleNamespace(artifact=letter * 64, label=f"copper@{number}") for number, letter in enumerate("abc", 1)],
        [],
    )
)


def test_models_are_named_by_what_their_files_hold():
    spec = {
        "calculator": {
            "type": "surrogate",
            "model": "energies.safetensors",
            "model_sha256": "b" * 64,
            "relaxed_by": {"type": "potential", "model": "forces.safetensors", "model_sha256": "c" * 64},
        },
        "label": {"calculator": {"type": "potential", "model": "theirs.safetensors", "model_sha256": "d" * 64}},
        "also": [{"model": "energies.safetensors", "model_sha256": "b" * 64}],
    }
    assert models_in_use(REGISTRY, spec) == {
        "energies.safetensors": "copper@2",
        "forces.safetensors": "copper@3",
        "theirs.safetensors": "another registry's",
    }


def test_other_calculators_have_none():
    assert models_in_use(REGISTRY, {"calculator": {"type": "chgnet", "model": "0.3.0", "model_sha256": None}}) == {}
