"""Every source that does not fit is refused before the campaign is even stored."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.act.checks.check import preview_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.actors import ADA

ROWS = "id,x,y,z,value\na,0,1,0,3\nb,1,0,1,2\nc,2,2,2,1\n"
CAMPAIGN = """\
schema_version: 1
name: {name}
space:
  type: table
  candidates: rows.csv
  columns: {{id: id, value: value}}
  features: {features}
objective: {{direction: {direction}, unit: {unit}}}
proposer: {proposer}
{transfer}
"""
FEATURES = "{place: {columns: [x, y]}, kind: {columns: [z]}}"


@pytest.fixture
def resources(tmp_path: Path) -> Resources:
    (tmp_path / "rows.csv").write_text(ROWS)
    return Resources(
        settings=Settings(home=tmp_path),
        site=SiteSpec(),
        store=MemoryCampaignStore(),
        artifacts=FileArtifactStore(tmp_path / "artifacts"),
        open_launcher=lambda spec: pytest.fail(f"{spec.name} wanted a launcher"),
    )


def prepare(resources: Resources, name: str, *sources: str, **changes: str) -> None:
    words = {"features": FEATURES, "direction": "minimize", "unit": "eV", "proposer": "{type: gp}"} | changes
    listed = ", ".join(source if ":" in source else f"{{type: campaign, name: {source}}}" for source in sources)
    transfer = f"transfer: {{sources: [{listed}]}}" if sources else ""
    path = resources.settings.home / f"{name}.yaml"
    path.write_text(CAMPAIGN.format(name=name, transfer=transfer, **words))
    prepare_campaign(resources, ADA, load_campaign(path))


def refused(resources: Resources, name: str, *sources: str, **changes: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        prepare(resources, name, *sources, **changes)
    with pytest.raises(NotFoundError):
        resources.store.campaign(name)
    return str(caught.value)


def test_unknown_campaign_with_a_guess(resources):
    prepare(resources, "tavorite-li")
    message = refused(resources, "target", "tavorite-lli")
    assert "transfer.sources[0].name: no campaign 'tavorite-lli' is stored (did you mean 'tavorite-li'?)" in message
    assert "stored campaigns: tavorite-li" in message


def test_itself(resources):
    assert "transfer.sources[0].name: 'target' is this campaign itself" in refused(resources, "target", "target")


def test_a_source_without_observations(resources):
    prepare(resources, "source")
    assert "transfer.sources[0]: 'source' has no observations" in refused(resources, "target", "source")


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("{place: {columns: [x, y]}}", "'source' has no feature group kind (1); it has place (2)"),
        (
            "{place: {columns: [x]}, kind: {columns: [z]}}",
            "feature group 'place' of 'source' has 1 columns, here it has 2",
        ),
        (
            "{place: {columns: [x, z]}, kind: {columns: [z]}}",
            "feature group 'place' of 'source' has the columns x, z, here it has x, y",
        ),
        (
            "{place: {columns: [x, y]}, kind: {columns: [z], categorical: true}}",
            "feature group 'kind' of 'source' has the columns z (categories), here it has z",
        ),
    ],
)
def test_other_features(resources, features, expected):
    prepare(resources, "source", features=features)
    assert expected in refused(resources, "target", "source")


def test_a_further_group_of_the_source_does_no_harm(resources):
    prepare(resources, "source", features="{place: {columns: [x, y]}, kind: {columns: [z]}, more: {columns: [y]}}")
    assert "has no observations" in refused(resources, "target", "source")


def test_another_unit_direction_or_property(resources):
    prepare(resources, "metres", unit="meV")
    prepare(resources, "up", direction="maximize")
    assert "the values of 'metres' have the unit meV, this campaign's objective has eV" in refused(resources, "t", "metres")
    assert "the values of 'up' have the direction maximize" in refused(resources, "t", "up")


def table(**changes: str) -> str:
    extra = "".join(f", {key}: {value}" for key, value in changes.items())
    space = f"{{candidates: rows.csv, columns: {{id: id, value: value}}, features: {FEATURES}}}"
    return f"{{type: table, name: rows, space: {space}{extra}}}"


def test_tables_are_checked_as_campaigns_are(resources):
    assert "have the unit meV" in refused(resources, "t", table(unit="meV"))
    assert "have the direction maximize" in refused(resources, "t", table(direction="maximize"))
    assert "no feature group" in refused(resources, "t", table().replace("kind:", "sort:"))
    assert "file" in refused(resources, "t", table().replace("rows.csv", "gone.csv"))
    assert "transfer.sources[0]: space.columns.value" in refused(
        resources, "t", table().replace("value: value", "value: worth")
    )


def test_a_source_that_learned_from_a_deleted_campaign_of_this_name_is_one_like_any_other(resources):
    prepare(resources, "a", table())
    known = resources.store.campaign("a")
    spec = known.spec | {"name": "b", "transfer": {"sources": [{"type": "campaign", "name": "c"}]}}
    resources.store.create_campaign(known.model_copy(update={"id": "b", "name": "b", "spec": spec}))
    assert "'b' has no observations" in refused(resources, "c", "b")


def test_a_proposer_that_cannot_learn(resources):
    assert "transfer: proposer random has no model" in refused(resources, "t", table(), proposer="{type: random}")
    message = refused(resources, "t", table(), proposer="{type: gp, preset: published}")
    assert "needs proposer.hyperparameters map, but median is chosen" in message
    prepare(resources, "fine", table(), proposer="{type: gp, preset: published, hyperparameters: map}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{type: campaign, name: a, follow: true, sha256: '" + 64 * "0" + "'}",
            "a source that is followed has no fixed content",
        ),
        ("{type: campaign}", "name: missing"),
        ("{type: folder, name: a}", "type 'folder' is not known; expected one of campaign, table"),
    ],
)
def test_words_that_make_no_sense(resources, source, expected):
    assert expected in refused(resources, "t", source)


def test_the_same_source_twice_or_none(resources):
    assert "'rows' is named twice" in refused(resources, "t", table(), table())
    path = resources.settings.home / "t.yaml"
    words = {"features": FEATURES, "direction": "minimize", "unit": "eV", "proposer": "{type: gp}"}
    path.write_text(CAMPAIGN.format(name="t", transfer="transfer: {sources: []}", **words))
    with pytest.raises(ConfigurationError, match="sources"):
        load_campaign(path)


def test_check_names_the_sources_and_refuses_what_a_run_would(resources):
    prepare(resources, "source")
    prepare(resources, "target", table())
    path = resources.settings.home / "target.yaml"
    assert preview_campaign(path).transfer == ("the table rows: 3 observations",)
    text = path.read_text()
    path.write_text(text.replace(table(), "{type: campaign, name: source}"))
    assert preview_campaign(path).transfer == ("the campaign source: will be read when this campaign is created",)
    with pytest.raises(ConfigurationError, match="'source' has no observations"):
        preview_campaign(path, lambda: nullcontext(resources))
    path.write_text(text.replace(table(), table(unit="J/m2")))
    with pytest.raises(ConfigurationError, match="have the unit J/m2"):
        preview_campaign(path)
