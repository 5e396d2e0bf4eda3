"""Renaming and copying campaigns that were driven: the search goes on as if nothing had happened."""

import shutil

import pytest

from tansaku.models.domain.errors import ConfigurationError, LeaseHeldError, NotFoundError
from tansaku.models.domain.identifiers import evaluation_id
from tansaku.tasks.act.commands.copy import copy_campaign
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.commands.rename import RENAMED, rename_campaign
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.site.processes import this_driver
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tests.support.actors import ADA


def drive(bench, name):
    with CampaignLoop(bench.resources, name) as loop:
        loop.advance()
        return loop.result


def half(open_bench):
    """A campaign that was paused after its eighth proposal, without running jobs."""
    bench = open_bench()
    bench.drive(at={8: lambda: bench.command("pause")})
    return bench


def sequence(bench, name):
    return [(item.proposal.candidate, item.outcome.value) for item in bench.store.evaluations(name)]


@pytest.fixture
def undisturbed(open_bench):
    bench = half(open_bench)
    bench.command("resume")
    drive(bench, "small")
    return sequence(bench, "small")


def test_a_renamed_campaign_goes_on_as_the_same_search(open_bench, undisturbed):
    bench = half(open_bench)
    before = bench.record()
    renamed = rename_campaign(bench.resources, ADA, "small", "large")
    assert (renamed.name, renamed.id, renamed.created_at) == ("large", before.id, before.created_at)
    assert renamed.id not in ("small", "large")
    assert renamed.spec == before.spec | {"name": "large"}
    assert bench.store.campaign_names() == ["large"]
    (event,) = bench.store.events("large", kind=RENAMED)
    assert event.data == {"from": "small", "to": "large", "by": str(ADA)}
    bench.store.add_command("large", before.commands[0].model_copy(update={"id": "resume-1", "kind": "resume"}))
    assert drive(bench, "large").reason == "evaluations"
    assert sequence(bench, "large") == undisturbed
    kinds = [event.id for event in bench.store.events("large")]
    assert len(kinds) == len(set(kinds))


def test_a_file_of_the_new_name_finds_it_and_one_of_the_old_name_does_not(open_bench):
    bench = half(open_bench)
    loaded = bench.loaded()
    rename_campaign(bench.resources, ADA, "small", "large")
    spec = loaded.spec.model_copy(update={"name": "large"})
    assert prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder)).last_number > 0
    assert prepare_campaign(bench.resources, ADA, loaded).last_number == 0


def test_jobs_of_a_renamed_campaign_are_collected_and_a_driven_one_is_left_alone(open_bench, undisturbed):
    bench = open_bench()
    bench.drive(halt_at=5)
    assert any(not item.state.terminal for item in bench.store.evaluations("small"))
    rename_campaign(bench.resources, ADA, "small", "large")
    drive(bench, "large")
    assert sequence(bench, "large") == undisturbed
    bench.store.acquire_lease("large", this_driver().model_copy(update={"host": "elsewhere"}), 60.0)
    with pytest.raises(LeaseHeldError, match="elsewhere"):
        rename_campaign(bench.resources, ADA, "large", "small")
    assert bench.store.campaign_names() == ["large"]


def test_an_export_is_of_the_same_campaign_whatever_it_is_called(open_bench, tmp_path):
    bench = half(open_bench)
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    export_observations(bench.store, "small", before)
    rename_campaign(bench.resources, ADA, "small", "large")
    export_observations(bench.store, "large", after)
    for file in (before, after):
        done = import_observations(bench.store, file, this_driver())
        assert (done.campaign, done.new) == ("large", 0)
    elsewhere = MemoryCampaignStore()
    assert [import_observations(elsewhere, file, this_driver()).new for file in (after, before)] == [9, 0]
    there, here = elsewhere.campaign("large"), bench.store.campaign("large")
    assert (there.id, there.former_names, there.spec_hash) == (here.id, ("small",), here.spec_hash)
    assert [item.id for item in elsewhere.evaluations("large")] == [item.id for item in bench.store.evaluations("large")]


def test_an_export_enters_a_campaign_that_was_created_apart_from_the_same_file(open_bench, tmp_path):
    bench, apart = half(open_bench), open_bench()
    export_observations(bench.store, "small", tmp_path / "c.parquet")
    shutil.copytree(bench.folder, apart.folder, dirs_exist_ok=True)
    own = prepare_campaign(apart.resources, ADA, apart.loaded())
    assert own.id != bench.record().id
    for new in (9, 0):
        assert import_observations(apart.store, tmp_path / "c.parquet", this_driver()).new == new
    found = apart.store.evaluations("small")
    assert {item.campaign for item in found} == {own.id}
    assert sequence(apart, "small") == sequence(bench, "small")
    assert found[0].id == evaluation_id(own.id, found[0].proposal.candidate, found[0].proposal.source, 0)


@pytest.mark.parametrize(("new", "said"), [("small", "stored already"), ("Large", "expected up to 63"), ("", "expected up to")])
def test_a_taken_or_invalid_name_is_refused(open_bench, new, said):
    bench = half(open_bench)
    with pytest.raises(ConfigurationError, match=said):
        rename_campaign(bench.resources, ADA, "small", new)
    with pytest.raises(ConfigurationError, match=said):
        copy_campaign(bench.resources, ADA, "small", new, {})
    with pytest.raises(NotFoundError):
        rename_campaign(bench.resources, ADA, "nothing", "large")
    assert bench.store.campaign_names() == ["small"]


def test_a_copy_has_the_spec_with_its_edits_and_no_evaluation(open_bench):
    bench = open_bench()
    bench.command("edit", **{"budget.evaluations": 6})
    bench.drive()
    record = copy_campaign(bench.resources, ADA, "small", "again", {"seed": 3, "budget.evaluations": 7})
    spec = bench.record().spec
    wanted = spec | {"name": "again", "seed": 3, "budget": spec["budget"] | {"evaluations": 7}}
    wanted["proposer"] |= {"outliers": "withheld"}  # the default of a new campaign
    assert record.spec | {"space": None} == wanted | {"space": None}  # its file now has a hash
    assert (record.last_number, record.commands, record.base_path) == (0, (), bench.record().base_path)
    assert drive(bench, "again").last_number >= 7
    assert len(bench.store.evaluations("small")) != len(bench.store.evaluations("again"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"budget.evaluations": "many"}, "budget.evaluations"), ({"no.key": 1}, "there is no no"), ({"name": "x"}, "second")],
)
def test_a_copy_with_a_wrong_key_stores_nothing(open_bench, changes, said):
    bench = open_bench()
    with pytest.raises(ConfigurationError, match=said):
        copy_campaign(bench.resources, ADA, "small", "again", changes)
    assert bench.store.campaign_names() == ["small"]
