"""Campaigns that look at a cheaper level: what the driver buys, what it keeps through a kill, and what is shown."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.backends.stores.export_reader import RECORD
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.read.figures.campaign import drawings_of
from tansaku.tasks.read.figures.drawing import table_of
from tansaku.tasks.read.views.best_values import best_values
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import figures_of
from tansaku.tasks.read.views.evaluation_table import evaluation_of
from tansaku.tasks.read.views.results import evaluation_rows
from tansaku.tasks.read.views.status import campaign_status
from tansaku.tasks.read.views.tabulation import write_table
from tests.support.actors import ADA
from tests.support.copper_desk import opened_desk
from tests.support.looks import looks_campaign

SPACE = {
    "type": "crystals",
    "crystals": {"cu": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6}},
    "scans": [{"type": "rattle", "amplitude": 0.2, "atoms": [4], "draws": 12}],
    "relaxed": True,
}
CELLS = {
    "space": SPACE,
    "calculator": {"type": "emt", "relaxation": {"fmax": 0.01}},
    "levels": [{"name": "rough", "cost": 0.2, "calculator": {"relaxation": {"fmax": 2.0}}}],
    "objective": {"property": "energy_per_atom", "unit": "eV/atom", "goal": {"type": "best_overall"}},
    "proposer": {"type": "multi_level"},
    "budget": {"fraction": 0.7},
}


def create(desk, name: str = "looks", **changes: object):
    return prepare_campaign(desk.resources, ADA, load_campaign(looks_campaign(desk.folder, name, **changes)))


def run(desk, **changes: object) -> str:
    """Why the campaign ended."""
    create(desk, **changes)
    return desk.drive("looks")


def bought(desk) -> list[tuple[str, str | None]]:
    return [(item.proposal.candidate, item.proposal.level) for item in desk.store.evaluations("looks")]


def noted(desk) -> list[JsonDict]:
    """What the log says of whether looks are trusted."""
    return [event.data for event in desk.store.events("looks", kind="levels")]


def test_looks_and_full_values_are_bought_and_counted_apart(desk):
    assert run(desk) == "budget"
    data, status = Campaign.load(desk.store, "looks"), campaign_status(desk.store, "looks")
    pairs = bought(desk)
    looks = [candidate for candidate, level in pairs if level == "look"]
    assert len(looks) > 10
    assert {item.proposal.purpose for item in desk.store.evaluations("looks")} == {"search", "look"}
    assert len({item.proposal.source for item in desk.store.evaluations("looks")}) == 2
    assert (status.evaluations, status.done) == (len(pairs) - len(looks),) * 2
    assert status.cost == pytest.approx(status.done + 0.1 * len(looks))
    assert status.cost <= 12.0
    assert [row["candidate"] for row in evaluation_rows(data, "look")] == looks
    assert {row["level"] for row in evaluation_rows(data)} == {None}
    best = min(row["value"] for row in evaluation_rows(data))
    assert best_values(data).cost[-1] == pytest.approx(
        status.cost - 0.1 * sum(number > max(data.columns.numbers) for number in data.columns.looks.numbers)
    )
    said = status.describe()
    assert f"best so far: {best:.6g} eV" in said
    assert f"look: {len(looks)} looks, 0 failed" in said
    assert status.cost != round(status.cost)
    assert f"budget: cost {status.cost:.3g} of 12 (" in said
    assert "correlation with full values: look 0.9" in said
    number = next(item.proposal.number for item in desk.store.evaluations("looks") if item.proposal.level)
    assert evaluation_of(data, number).proposal.level == "look"
    assert len(data.updated(desk.store.campaign("looks"), desk.store.evaluations("looks")[:3]).columns) == len(data.columns)


def test_a_table_of_results_has_a_column_of_looks(desk, tmp_path):
    run(desk, cost=8.0)
    write_table(Campaign.load(desk.store, "looks"), tmp_path)
    written = pq.read_table(tmp_path / "candidates.parquet").to_pandas().set_index("id")
    table = pd.read_csv(desk.folder / "looks.csv").set_index("id")
    looked = {candidate for candidate, level in bought(desk) if level == "look"}
    assert {name for name in written.index if not pd.isna(written.look_look[name])} == looked & {*written.index} != set()
    known = written.look_look.dropna()
    assert (known == table.cheap[known.index]).all()


def test_looks_that_tell_nothing_are_soon_left(desk):
    run(desk, cost=16.0, shuffled=True)
    assert sum(level is not None for _, level in bought(desk)) <= 12
    assert not noted(desk)[-1]["trusted"]
    assert "looks are not known to tell of full values" in campaign_status(desk.store, "looks").describe()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[list[tuple[str, str | None]], list[JsonDict]]:
    """What a campaign buys and notes about looks whose driver nobody kills."""
    desk = opened_desk(tmp_path_factory.mktemp("undisturbed"))
    run(desk, cost=8.0)
    return bought(desk), noted(desk)


@pytest.mark.parametrize("method", ["insert_proposal", "begin_attempt", "accept_outcome", "insert_refit"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_look_and_full_value_it_buys_the_same_and_nothing_twice(desk, undisturbed, method, when):
    create(desk, cost=8.0)
    desk.drive_to_its_death("looks", method, 2 if method == "insert_refit" else 12, when)
    assert desk.drive("looks") == "budget"
    assert (bought(desk), noted(desk)) == undisturbed
    assert noted(desk)
    assert all(len(item.attempts) == 1 for item in desk.store.evaluations("looks"))


TOLD = {"transfer": {"sources": [{"type": "campaign", "name": "older"}]}}


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> list[tuple[str, str | None]]:
    """What a campaign buys that learns from another one with levels, whose driver nobody kills."""
    desk = opened_desk(tmp_path_factory.mktemp("taught"))
    create(desk, "older", cost=30.0, proposer={"type": "multi_level", "screen": True})
    desk.drive("older")
    create(desk, cost=8.0, **TOLD)
    assert desk.drive("looks") == "budget"
    full = [item.outcome.value for item in desk.store.evaluations("older") if item.proposal.level is None]
    decided = [refit.hyperparameters["transfer"] for refit in desk.store.refits("looks") if "transfer" in refit.hyperparameters]
    assert {source["observations"] for made in decided for source in made["sources"]} == {len(full)}
    assert decided[-1]["mode"] == "posterior"
    data = Campaign.load(desk.store, "looks", desk.resources.artifacts)
    assert "looks" in {figure.stem for figure in drawings_of(data, desk.resources.artifacts)}
    return bought(desk)


@pytest.mark.parametrize(
    ("method", "when"), [("insert_refit", "before"), ("insert_refit", "after"), ("accept_outcome", "after")]
)
def test_one_that_learns_from_another_with_levels_buys_the_same_after_a_kill(desk, taught, method, when):
    create(desk, "older", cost=30.0, proposer={"type": "multi_level", "screen": True})
    desk.drive("older")
    create(desk, cost=8.0, **TOLD)
    desk.drive_to_its_death("looks", method, 12 if method == "accept_outcome" else 2, when)
    assert desk.drive("looks") == "budget"
    assert bought(desk) == taught
    assert desk.store.events("looks", kind="transfer.changed")


def test_a_stop_rule_asks_about_full_values(desk):
    stop = {"when": "not_worth_it", "worth": "0.2 eV per evaluation", "every": 2}
    assert run(desk, budget={"cost": 40.0, "stop": stop}) == "not_worth_it"
    status = campaign_status(desk.store, "looks")
    assert status.certificate.worth == 0.2
    assert status.certificate.outlook.evaluations <= 40 - status.done
    assert status.certificate.searched == status.evaluations  # looks do not count


def test_a_failed_look_is_no_refusal_of_its_candidate(desk):
    path = looks_campaign(desk.folder, cost=60.0)
    table = pd.read_csv(desk.folder / "looks.csv")
    table.loc[::2, "cheap"] = float("nan")
    table.to_csv(desk.folder / "looks.csv", index=False)
    prepare_campaign(desk.resources, ADA, load_campaign(path))
    assert desk.drive("looks") == "exhausted"
    failed = {item.proposal.candidate for item in desk.store.evaluations("looks") if item.state is EvaluationState.FAILED}
    full = {candidate for candidate, level in bought(desk) if level is None}
    assert failed
    assert len(full) == 40


def test_an_export_continues_elsewhere(desk, tmp_path):
    run(desk, cost=8.0)
    file = tmp_path / "looks.parquet"
    export_observations(desk.store, "looks", file)
    other = MemoryCampaignStore()
    import_observations(other, file, this_driver())
    found = [(item.proposal.candidate, item.proposal.level, item.outcome.value) for item in other.evaluations("looks")]
    assert found == [(i.proposal.candidate, i.proposal.level, i.outcome.value) for i in desk.store.evaluations("looks")]
    assert json.loads(other.campaign("looks").model_dump_json())["spec"]["levels"][0]["name"] == "look"


@pytest.mark.parametrize(("key", "level"), [("level", "other"), ("level", None), ("resumes", "look")])
def test_a_look_at_a_level_that_the_campaign_does_not_have_is_not_imported(desk, tmp_path, key, level):
    run(desk, cost=6.0)
    export_observations(desk.store, "looks", file := tmp_path / "looks.parquet")
    table = pq.read_table(file)
    records = [json.loads(text) for text in table.column(RECORD).to_pylist()]
    records[0]["proposal"][key] = level
    changed = pa.array([json.dumps(record) for record in records])
    pq.write_table(table.set_column(table.schema.get_field_index(RECORD), RECORD, changed), file)
    with pytest.raises(StoreError, match=r"the campaign's levels (are look|with resumes: true are none)"):
        import_observations(MemoryCampaignStore(), file, this_driver())


def test_looks_that_turn_out_to_cost_as_much_as_full_values_are_not_bought(desk):
    desk.run("cells", 0, 0, **CELLS | {"space": SPACE | {"cost": {"model": "measured"}}, "budget": {"cost": 130.0}})
    found = [item.proposal for item in desk.store.evaluations("cells")]
    first = {proposal.level: proposal.predicted_cost for proposal in found[:2]}
    assert first["rough"] == pytest.approx(0.2 * first[None])
    # The backend says that each job took as long as any other.
    assert found[-1].predicted_cost == pytest.approx(7.0, rel=0.1)
    assert {proposal.level for proposal in found[10:]} == {None}


def test_a_look_is_computed_by_the_calculator_of_its_level(desk):
    desk.run("cells", 0, 0, **CELLS)
    values = {(i.proposal.candidate, i.proposal.level): i.outcome for i in desk.store.evaluations("cells")}
    both = [candidate for candidate, level in values if level == "rough" and (candidate, None) in values]
    assert len(both) >= 5
    for candidate in both:
        assert values[candidate, "rough"].value > values[candidate, None].value


def test_a_full_evaluation_continues_a_look_from_its_structure_and_costs_what_remains(desk):
    screen = CELLS | {"proposer": {"type": "multi_level", "screen": True}}
    desk.run("whole", 0, 0, **screen)
    desk.run("cells", 0, 0, **screen | {"levels": [CELLS["levels"][0] | {"resumes": True, "spares": 0.5}]})
    items = {(i.proposal.candidate, i.proposal.level): i for i in desk.store.evaluations("cells")}
    whole = {(i.proposal.candidate, i.proposal.level): i for i in desk.store.evaluations("whole")}
    looked = [c for c, level in items if level is None and (c, "rough") in items]
    resumed = [candidate for candidate in looked if items[candidate, None].proposal.resumes == "rough"]
    assert len(resumed) >= 5
    for candidate in resumed:
        look, full = items[candidate, "rough"], items[candidate, None]
        assert look.proposal.number < full.proposal.number
        assert full.proposal.predicted_cost == pytest.approx(0.5 * items[candidate, "rough"].proposal.predicted_cost / 0.2)
        assert full.outcome.value < look.outcome.value
    both = [candidate for candidate in resumed if (candidate, None) in whole]
    steps = [[run[candidate, None].outcome.properties["steps"] for candidate in both] for run in (items, whole)]
    assert sum(steps[0]) < sum(steps[1])
    energies = [[run[candidate, None].outcome.value for candidate in both] for run in (items, whole)]
    assert energies[0] == pytest.approx(energies[1], abs=2e-4)


def test_a_figure_shows_looks_beside_the_full_values_of_the_same_candidates(desk, tmp_path):
    run(desk)
    data = Campaign.load(desk.store, "looks")
    (figure,) = [item for item in drawings_of(data, desk.resources.artifacts) if item.stem == "looks"]
    table = pd.read_csv(desk.folder / "looks.csv").set_index("id")
    names, rows = table_of(figure.data)
    found = pd.DataFrame(rows, columns=names).set_index("candidate")
    assert (found.look == table.cheap[found.index]).all()
    valued = found.full.dropna()
    assert (valued == table.full[valued.index]).all()
    assert set(found.index[found.full.isna()]).isdisjoint(data.columns.candidates)
    text = figure.draw(tmp_path / "looks.svg").read_text()
    assert f"rank correlation {valued.corr(found.look[valued.index], method='spearman'):.2f}" in text
    shown = figures_of(data).looks
    assert (shown.alone, shown.levels) == (len(found) - len(valued), ("look",))
    assert dict(zip(shown.candidates, shown.full, strict=True)) == valued.to_dict()
    assert list(shown.look) == sorted(shown.look)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": [{"name": "look", "column": "none", "cost": 0.1}]}, r"levels\[0\]\.column.*'none'"),
        (
            {**CELLS, "space": SPACE | {"crystals": {"fe": {"structure": "bcc", "elements": ["Fe"], "lattice_parameter": 2.9}}}}
            | {"calculator": {"type": "gpaw"}, "levels": [{"name": "rough", "cost": 0.2, "calculator": {"type": "emt"}}]},
            r"levels\[0\]\.calculator: type emt does not support Fe of the space",
        ),
        (
            {"space": {"type": "structures", "folder": "."}, "calculator": {"type": "gpaw"}}
            | {"objective": {"property": "band_gap", "unit": "eV", "goal": {"type": "best_overall"}}}
            | {"levels": [{"name": "rough", "cost": 0.2, "calculator": {"type": "emt"}}]},
            r"levels\[0\]\.calculator: emt gives no band_gap .*line \d+\)",
        ),
    ],
)
def test_levels_that_cannot_serve_store_no_campaign(desk, changes, message):
    with pytest.raises(ConfigurationError, match=message):
        create(desk, **changes)
    with pytest.raises(NotFoundError):
        desk.store.campaign("looks")


def test_without_looks_there_is_no_such_figure(desk):
    run(desk, levels=[])
    assert figures_of(Campaign.load(desk.store, "looks")).looks is None
