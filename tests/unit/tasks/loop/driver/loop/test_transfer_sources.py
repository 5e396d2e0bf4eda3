"""Campaigns that learn from other campaigns: sequences, sources that grow, the audit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tansaku.models.domain.errors import ConfigurationError, SpecChangedError
from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.records import Command, Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.engine.transfer.data import KEY
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.delete import sweep_artifacts
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.commands.rename import rename_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.loop.transfer.report import CHANGED, KEPT, transfer_report
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.predictions import pool_expectation, relevance_history
from tests.support.actors import ADA

SOURCE = """\
schema_version: 1
name: lithium
space:
  type: table
  candidates: lithium.csv
  columns: {{id: id, value: value}}
  features:
    metal: {{columns: [radius, charge]}}
    anion: {{columns: [mass]}}
objective: {{direction: minimize, unit: eV}}
proposer: {{type: random}}
budget: {{evaluations: {evaluations}}}
execution: {{in_flight: 1}}
"""
TARGET = """\
schema_version: 1
name: sodium
space:
  type: table
  candidates: sodium.csv
  columns: {{id: id, value: value}}
  features:
    metal: {{columns: [radius, charge]}}
    anion: {{columns: [mass]}}
objective: {{direction: minimize, unit: eV}}
transfer:
  mode: {mode}
  sources: [{source}]
budget: {{evaluations: {evaluations}}}
execution: {{in_flight: 2}}
"""


CAMPAIGN = "{type: campaign, name: lithium}"
FOLLOWED = "{type: campaign, name: lithium, follow: true}"
ITS_TABLE = """{type: table, name: lithium, space: {candidates: lithium.csv, columns: {id: id, value: value},
  features: {metal: {columns: [radius, charge]}, anion: {columns: [mass]}}}}"""


def _write(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for name, tilt, n in (("lithium", 0.0, 40), ("sodium", 0.3, 50)):
        radius, charge, mass = rng.uniform(size=(3, n))
        value = np.sin(5 * radius + tilt) + np.cos(4 * charge) + np.sin(6 * mass) + 0.05 * rng.normal(size=n)
        columns = {
            "id": [f"{name}-{i:02d}" for i in range(n)],
            "radius": radius,
            "charge": charge,
            "mass": mass,
            "value": value,
        }
        pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)


class Stop(Observer):
    """Halts the driver, or does something, when a number is proposed."""

    def __init__(self, halt_at: int | None, at: dict[int, Callable[[], None]]) -> None:
        self.halt, self.halt_at, self.at = threading.Event(), halt_at, at

    def on_proposal(self, evaluation: Evaluation) -> None:
        number = evaluation.proposal.number
        if number == self.halt_at:
            self.halt.set()
        self.at.get(number, lambda: None)()


@dataclass
class Searches:
    """A store with a source and a target, and the means to drive either."""

    folder: Path
    resources: Resources

    def load(self, name: str, text: str) -> LoadedCampaign:
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return load_campaign(path)

    def source(self, evaluations: int) -> None:
        """The source with so many evaluations; more than it had are added."""
        prepare_campaign(self.resources, ADA, self.load("lithium", SOURCE.format(evaluations=evaluations)))
        self.drive("lithium")

    def target(self, mode: str = "auto", source: str = CAMPAIGN, evaluations: int = 14) -> None:
        text = TARGET.format(mode=mode, source=source, evaluations=evaluations)
        prepare_campaign(self.resources, ADA, self.load("sodium", text))

    def drive(self, name: str, halt_at: int | None = None, at: dict[int, Callable[[], None]] | None = None) -> str:
        watcher = Stop(halt_at, at or {})
        with CampaignLoop(self.resources, name, watcher, halt=watcher.halt) as loop:
            loop.advance()
            return loop.result.reason

    def sequence(self) -> list[str]:
        return [one.proposal.candidate for one in self.resources.store.evaluations("sodium")]

    def refits(self) -> list[dict]:
        return [one.hyperparameters for one in self.resources.store.refits("sodium")]


@pytest.fixture
def searches(open_bench) -> Callable[..., Searches]:
    """Makes a fresh store with the files of both campaigns beside it.

    ``searches(20, …)`` has the source with 20 evaluations, and the target of the other arguments.
    """

    def build(known: int | None = None, *target: str) -> Searches:
        bench = open_bench()
        _write(bench.folder)
        launchers: dict[str, Launcher] = {}

        def open_launcher(spec: CampaignSpec) -> Launcher:
            return launchers.setdefault(spec.name, type(bench.launcher)(bench.folder, spec))

        made = Searches(bench.folder, replace(bench.resources, open_launcher=open_launcher))
        if known is not None:
            made.source(known)
            made.target(*target)
        return made

    return build


@pytest.mark.parametrize("mode", ["auto", "posterior", "joint", "hyperparameters"])
def test_killed_anywhere_and_resumed_gives_the_same_sequence(searches, mode):
    undisturbed = searches(30, mode)
    assert undisturbed.drive("sodium") == "evaluations"
    for k in (1, 3, 4, 9) if mode == "auto" else (5,):
        again = searches(30, mode)
        assert again.drive("sodium", halt_at=k) == "interrupted"
        again.source(40)  # what comes later must not matter
        assert again.drive("sodium") == "evaluations"
        assert again.sequence() == undisturbed.sequence(), f"stopped at {k}"
        assert again.refits() == undisturbed.refits()


def test_a_followed_source_is_read_at_refits_and_kept_with_them(searches):
    undisturbed = searches(15, "posterior", FOLLOWED)
    undisturbed.drive("sodium", at={7: lambda: undisturbed.source(30)})
    counts = [one[KEY]["sources"][0]["observations"] for one in undisturbed.refits()]
    assert counts[0] == 15
    assert counts[-1] == 30
    assert undisturbed.resources.store.campaign("sodium").spec["transfer"]["sources"][0]["sha256"] is None
    for k in (2, 6, 8, 11):
        again = searches(15, "posterior", FOLLOWED)
        again.drive("sodium", halt_at=k, at={7: lambda: again.source(30)})  # noqa: B023 - called within this pass
        again.drive("sodium", at={7: lambda: again.source(30)})  # noqa: B023 - called within this pass
        assert again.sequence() == undisturbed.sequence(), f"stopped at {k}"
        assert again.refits() == undisturbed.refits()


@pytest.mark.parametrize("named_again", [False, True])
def test_a_followed_source_that_is_gone_keeps_the_last_fit_and_says_so(searches, named_again):
    search = searches(15, "posterior", FOLLOWED)
    search.drive("sodium", halt_at=6)
    search.resources.store.delete_campaign("lithium")
    if named_again:
        search.source(30)
    assert search.drive("sodium") == "evaluations"
    refits = search.resources.store.refits("sodium")
    failed = [one for one in refits if not one.ok]
    assert failed
    assert "'lithium' was deleted" in failed[0].message
    assert failed[0].hyperparameters == [one for one in refits if one.ok][-1].hyperparameters


def test_frozen_sources_outlive_their_campaign_and_a_sweep(searches):
    undisturbed = searches(20)
    undisturbed.drive("sodium")
    search = searches(20)
    search.drive("sodium", halt_at=5)
    search.resources.store.delete_campaign("lithium")
    sweep_artifacts(search.resources, older_than=-1.0)
    search.drive("sodium")
    assert search.sequence() == undisturbed.sequence()


def test_running_the_file_again_is_no_change_though_the_source_has_grown(searches):
    search = searches(20)
    frozen = search.resources.store.campaign("sodium").spec["transfer"]["sources"][0]["sha256"]
    search.source(30)
    search.target()
    assert search.resources.store.campaign("sodium").spec["transfer"]["sources"][0]["sha256"] == frozen
    with pytest.raises(SpecChangedError, match=r"transfer\.mode"):
        search.target("joint")


def test_a_given_hash_must_be_what_is_there(searches):
    search = searches()
    search.source(20)
    with pytest.raises(ConfigurationError, match="expected 0000"):
        search.target(source="{type: campaign, name: lithium, sha256: '" + "0" * 64 + "'}")


def test_choices_and_their_evidence_are_in_the_audit_and_in_the_report(searches):
    search = searches(40)
    search.drive("sodium", halt_at=4)
    search.drive("sodium")
    store = search.resources.store
    events = [one for one in store.events("sodium") if one.kind in (CHANGED, KEPT)]
    assert [one.data["refit"] for one in events] == [one.number for one in store.refits("sodium")]
    assert events[0].kind == CHANGED
    assert events[0].data["before"] is None
    assert events[0].data["evidence"].keys() == {"none", "hyperparameters", "posterior", "joint"}
    report = transfer_report(store.refits("sodium"))
    assert report["changes"][0] == {"at_proposal": 2, "before": None, "mode": "posterior", "observations": 1}
    assert report["now"]["mode"] == search.refits()[-1][KEY]["mode"]
    assert len(report["changes"]) == sum(one.kind == CHANGED for one in events)


def test_a_table_is_a_source_too_and_the_same_as_its_campaign(searches):
    by_table, by_campaign = searches(), searches()
    by_table.target(source=ITS_TABLE)
    by_campaign.source(40)
    by_campaign.target()
    for search in (by_table, by_campaign):
        search.drive("sodium")
    assert by_table.sequence() == by_campaign.sequence()
    assert by_table.refits() == by_campaign.refits()


def test_a_changed_table_is_refused(searches):
    search = searches()
    search.target(source=ITS_TABLE)
    search.drive("sodium", halt_at=3)
    path = search.folder / "lithium.csv"
    path.write_text(path.read_text().replace("lithium-00", "lithium-0x"))
    with pytest.raises(ConfigurationError, match="has SHA-256"):
        search.drive("sodium")


def test_most_limits_what_is_taken(searches):
    search = searches()
    search.source(40)
    text = TARGET.format(mode="posterior", source=CAMPAIGN, evaluations=4).replace("mode:", "most: 12\n  mode:")
    prepare_campaign(search.resources, ADA, search.load("sodium", text))
    search.drive("sodium")
    assert search.refits()[0][KEY]["sources"][0]["observations"] == 12


def test_what_the_model_expects_now_needs_the_sources(searches):
    search = searches()
    search.source(40)
    search.target("posterior", evaluations=6)
    search.drive("sodium")
    store, artifacts = search.resources.store, search.resources.artifacts
    informed = Campaign.load(store, "sodium", artifacts)
    assert pool_expectation(Campaign.load(store, "sodium")) is None
    found = pool_expectation(informed)
    truth = informed.space.values()
    unseen = np.setdiff1d(np.arange(50), informed.pool.positions(search.sequence()))
    # Six observations alone would not tell the other 44.
    assert np.corrcoef(found.mean[unseen], truth[unseen])[0, 1] > 0.7
    assert relevance_history(informed).categories == ("radius", "charge", "mass")


def test_an_exported_campaign_goes_on_where_its_sources_never_were(searches, tmp_path):
    undisturbed = searches(20)
    undisturbed.drive("sodium")
    search = searches(20)
    search.drive("sodium", halt_at=6)
    file = tmp_path / "sodium.parquet"
    export_observations(search.resources.store, "sodium", file, search.resources.artifacts)
    elsewhere = searches()
    here = {"base_path": elsewhere.folder, "artifacts": elsewhere.resources.artifacts}
    import_observations(elsewhere.resources.store, file, this_driver(), **here)
    elsewhere.drive("sodium")
    assert elsewhere.sequence() == undisturbed.sequence()


@pytest.mark.parametrize("follow", ["", ", follow: true"])
def test_campaigns_that_learn_from_a_renamed_one_go_on(searches, follow):
    source = f"{{type: campaign, name: lithium{follow}}}"
    plain, renamed = searches(), searches()
    for made in (plain, renamed):
        made.source(12)
        made.target("joint", source, evaluations=10)
        made.drive("sodium", at={6: lambda made=made: pause(made, "sodium")})
    before = renamed.resources.store.campaign("sodium")
    rename_campaign(renamed.resources, ADA, "lithium", "li")
    assert renamed.resources.store.campaign("sodium") == before
    renamed.target("joint", source, evaluations=10)  # the old file still fits
    renamed.target("joint", source.replace("lithium", "li"), evaluations=10)
    for made in (plain, renamed):
        resume(made, "sodium")
        assert made.drive("sodium") == "evaluations"
    assert renamed.sequence() == plain.sequence()


def pause(made, name, kind="pause"):
    made.resources.store.add_command(name, Command(id=f"{kind}-1", kind=kind, created_at=datetime.now(UTC)))


def resume(made, name):
    pause(made, name, "resume")
