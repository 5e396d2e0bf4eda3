from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.model_registry import ModelRecord
from tansaku.tasks.act.commands.promote import promote_model
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tests.support.actors import ADA


def version(artifact: str) -> ModelRecord:
    return ModelRecord.model_validate(
        {"name": "copper", "version": 1, "spec": {}, "dataset": "a" * 64, "learns": "calculator", "artifact": artifact}
        | {"report": "c" * 64, "held_out": {}, "training": {}, "seconds": 1.0, "device": "cpu", "tansaku_version": "0"}
        | {"created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    )


def test_the_note_of_a_promoted_version_says_who_did_it():
    registry = MemoryRegistry()
    for artifact in ("b" * 64, "d" * 64):
        registry.add_model(version(artifact))
    assert promote_model(registry, ADA, "copper@2").note == "promoted by hand: ada (test)"
    assert [model.promoted_at is not None for model in registry.models("copper")] == [False, True]
    with pytest.raises(ConfigurationError, match="expected NAME@VERSION"):
        promote_model(registry, ADA, "copper")
    with pytest.raises(NotFoundError, match="no model 'copper@3'"):
        promote_model(registry, ADA, "copper@3")
