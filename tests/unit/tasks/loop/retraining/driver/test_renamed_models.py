"""Models of a campaign that gets another name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Command
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.loop.driver.loop import drive
from tests.support.actors import ADA


def test_a_renamed_campaign_continues_with_the_versions_it_has(retrained):
    campaign = retrained(budget={"evaluations": 14})
    campaign.drive()
    resources = campaign.resources
    before = resources.registry.models("small")
    assert before
    by_hand = before[-1].model_copy(update={"artifact": "d" * 64, "dataset": "e" * 64, "promoted_at": None})
    by_hand = resources.registry.add_model(by_hand)
    begun = by_hand.model_copy(update={"name": "warm", "spec": by_hand.spec | {"start": before[0].label}})
    resources.registry.add_model(begun)
    predicted = {item.outcome.predicted_by for item in campaign.evaluations() if item.outcome.predicted_by}
    assert predicted
    rename_campaign(resources, ADA, "small", "large")
    moved = resources.registry.models("large")
    assert [model.version for model in moved] == [model.version for model in before]
    assert {(model.spec["name"], model.artifact) for model in moved} == {("large", model.artifact) for model in before}
    assert resources.registry.models("small") == [by_hand]
    assert resources.registry.models("warm")[0].spec["start"] == moved[0].label
    assert {item.spec["source"]["campaign"] for item in resources.registry.datasets("large")} == {"large"}
    assert resources.registry.datasets("small") == []
    assert {one.model for one, _ in resources.store.retrains("large")} == {"large"}
    assert {end.version for _, end in resources.store.retrains("large") if end and end.ok} == {model.label for model in moved}
    evaluations = resources.store.evaluations("large")
    labels = {item.outcome.predicted_by for item in evaluations if item.outcome.predicted_by}
    assert labels == {label.replace("small@", "large@") for label in predicted}
    assert all(item.spared for item in evaluations if item.outcome.predicted_by)
    edit = Command(id="more", kind="edit", payload={"budget.evaluations": 22}, created_at=datetime.now(UTC))
    resources.store.add_command("large", edit)
    drive(resources, "large")
    after = resources.registry.models("large")
    assert len(after) > len(before)
    assert [record.version for record in after] == list(range(1, len(after) + 1))
    assert after[len(before)].parent is not None
    assert resources.registry.models("small") == [by_hand]


def test_models_that_the_file_names_keep_their_name(retrained):
    retrain = retrained.document()["retrain"] | {"model": "predictor"}
    campaign = retrained(budget={"evaluations": 14}, retrain=retrain)
    campaign.drive()
    resources = campaign.resources
    before = resources.registry.models("predictor")
    assert before
    rename_campaign(resources, ADA, "small", "large")
    assert resources.registry.models() == before
    assert {item.spec["source"]["campaign"] for item in resources.registry.datasets("predictor")} == {"large"}
    assert {one.model for one, _ in resources.store.retrains("large")} == {"predictor"}


def test_a_campaign_whose_pre_screening_names_a_renamed_model_names_the_new_one(retrained):
    campaign = retrained(budget={"evaluations": 14})
    campaign.drive()
    store, registry = campaign.resources.store, campaign.resources.registry
    label = registry.models("small")[-1].label
    look = store.campaign("small").spec["first_look"] | {"model": label, "weights": "1" * 64}
    other = store.campaign("small").model_copy(update={"name": "other", "lease": None, "runtime": {}})
    store.create_campaign(other.model_copy(update={"spec": other.spec | {"name": "other", "first_look": look}}))
    registry.add_model(registry.models("small")[0].model_copy(update={"name": "taken"}))
    with pytest.raises(ConfigurationError, match="models named 'taken' are stored already"):
        rename_campaign(campaign.resources, ADA, "small", "taken")
    assert rename_campaign(campaign.resources, ADA, "small", "large").followers == ("other",)
    assert store.campaign("other").spec["first_look"]["model"] == label.replace("small@", "large@")
