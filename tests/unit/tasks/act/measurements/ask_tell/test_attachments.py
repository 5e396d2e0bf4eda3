"""Photos and files of reported values: stored once, of the right value, kept by sweeps, moved with the campaign."""

from dataclasses import replace

import pytest

from tansaku.models.domain.errors import ConfigurationError, FieldError, NotFoundError, StoreError
from tansaku.models.domain.measurements import LARGEST_ATTACHMENT, attachments_of
from tansaku.models.domain.records import LeaseOwner
from tansaku.tasks.act.commands.export_import import export_observations, import_observations
from tansaku.tasks.act.measurements import ask_tell, attachments
from tansaku.tasks.act.measurements.attachments import Given, candidate_attachments, store_attachment
from tansaku.tasks.act.measurements.history import reported_history
from tansaku.tasks.act.measurements.stored_commands import open_manual
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.actors import ADA
from tests.unit.tasks.act.measurements.ask_tell.test_kill_points import KilledError, Struck
from tests.unit.tasks.ground.formats.test_photos import photo

OWNER = LeaseOwner(host="here", pid=1, process_started=0.0, user="ada")


@pytest.fixture
def laboratory(open_laboratory):
    """A laboratory that has measured its first two proposals."""
    found = open_laboratory(2, proposer={"type": "grid"}, budget={})
    found.tell({"number": 1, "value": 1.0}, identifier="tell-1")
    return found


def attach(laboratory, key, number=1, name="curve.txt", content=b"1 2 3", **options):
    given = Given(number, name, content, photo=options.pop("photo", False), **options)
    return store_attachment(laboratory.resources.store, laboratory.resources.artifacts, ADA, "lab", given, key)


def content_of(laboratory, sha256) -> bytes:
    with laboratory.resources.artifacts.open(sha256) as stream:
        return stream.read()


def sweep(laboratory):
    return laboratory.resources.artifacts.sweep(laboratory.store.named_artifacts(), older_than=-1.0)


def test_it_belongs_to_the_value_that_it_came_with_also_when_that_is_corrected(laboratory):
    early = attach(laboratory, "early", report="tell-1", name="sample.png", content=photo("PNG"), photo=True)
    assert (early.name, early.media, content_of(laboratory, early.sha256)[:4]) == ("sample.png", "image/png", b"\x89PNG")
    laboratory.tell({"number": 1, "value": 2.0, "status": "correction"}, identifier="tell-2")
    attach(laboratory, "late", report="nothing new was said")
    attach(laboratory, "later", report="tell-1", name="of the first.txt", content=b"x")
    (history,) = reported_history(open_manual(laboratory.store, "lab"), 9)
    shown = [(value.measurement.value, value.replaced, [item.name for item in value.attached]) for value in history.values]
    assert shown == [(2.0, False, ["curve.txt"]), (1.0, True, ["sample.png", "of the first.txt"])]
    found = candidate_attachments(laboratory.store.campaign("lab").commands, history.candidate)
    assert [(item.name, item.replaced) for item in found] == [
        ("sample.png", True),
        ("curve.txt", False),
        ("of the first.txt", True),
    ]


def test_it_belongs_to_what_was_measured_in_place_of_a_proposal_or_without_one(laboratory):
    laboratory.tell({"number": 2, "temperature": 512.5, "value": 3.0}, identifier="tell-2")
    other = attach(laboratory, "other", number=2)
    assert attach(laboratory, "by report", number=None, report="tell-2").candidate == other.candidate
    number = next(item.done_as for item in laboratory.evaluations() if item.done_as is not None)
    assert attach(laboratory, "same", number=number).candidate == other.candidate
    assert laboratory.evaluations()[number - 1].proposal.candidate == other.candidate


def test_what_cannot_be_kept_is_refused(laboratory, monkeypatch):
    for options, problem in (
        ({"content": b""}, "has 0 bytes; expected 1 to 10,000,000"),
        ({"content": bytes(LARGEST_ATTACHMENT + 1)}, "has 10,000,001 bytes"),
        ({"name": "../../etc/passwd"}, "expected a file name"),
        ({"name": "a\r\nSet-Cookie: b"}, "expected a file name"),
        ({"photo": True}, "cannot be read"),
    ):
        with pytest.raises(FieldError, match=problem):
            attach(laboratory, "bad", **options)
    with pytest.raises(NotFoundError, match="no value of proposal 2 is reported yet"):
        attach(laboratory, "bad", number=2)
    laboratory.tell({"candidate": "water-500", "value": 1.0}, {"candidate": "water-525", "value": 1.0}, identifier="two")
    with pytest.raises(FieldError, match="values of 2 candidates; expected a number"):
        attach(laboratory, "bad", number=None, report="two")
    with pytest.raises(StoreError, match="another one: tell"):
        attach(laboratory, "tell-1")
    assert attachments_of(laboratory.store.campaign("lab").commands) == []
    monkeypatch.setattr(attachments, "MOST_OF_A_CAMPAIGN", 1)
    attach(laboratory, "first")
    with pytest.raises(FieldError, match="as many as it may"):
        attach(laboratory, "second")


def test_killed_and_sent_again_it_is_stored_once_and_no_sweep_takes_it(laboratory):
    struck = Struck(laboratory.store)
    object.__setattr__(laboratory.resources, "store", struck)
    for place, when in enumerate(("before", "after"), start=1):
        struck.kill, struck.dead, struck.counts = ("add_command", 1, when), False, {}
        with pytest.raises(KilledError):
            attach(laboratory, f"key-{place}", content=b"%d" % place)
        assert sweep(laboratory) == (when == "before")
        struck.dead = False
        stored = attach(laboratory, f"key-{place}", content=b"%d" % place)
        assert attach(laboratory, f"key-{place}", content=b"something else") == stored
        assert attachments_of(laboratory.store.campaign("lab").commands)[place - 1 :] == [stored]
        assert (sweep(laboratory), content_of(laboratory, stored.sha256)) == (0, b"%d" % place)
    assert ask_tell.apply_commands_now(laboratory.resources, "lab")
    assert {command.applied_at_number for command in laboratory.store.campaign("lab").commands} == {1, 3}


@pytest.mark.parametrize("known", [False, True])
def test_it_moves_with_an_exported_campaign(laboratory, tmp_path, known):
    first = attach(laboratory, "first")
    if known:  # without what comes later
        move(laboratory, tmp_path)
    second = attach(laboratory, "second", name="sample.jpg", content=photo(), photo=True)
    other = move(laboratory, tmp_path)
    assert attachments_of(other.store.campaign("lab").commands) == [first, second]
    for item in (first, second):
        assert content_of(other, item.sha256) == content_of(laboratory, item.sha256)
    assert sweep(other) == 0


def test_an_export_without_its_files_names_them(laboratory, tmp_path):
    found = attach(laboratory, "first")
    other = move(laboratory, tmp_path, structures=False)
    assert attachments_of(other.store.campaign("lab").commands) == [found]
    assert not other.resources.artifacts.exists(found.sha256)


_STORES: dict[object, tuple[MemoryCampaignStore, FileArtifactStore]] = {}


def move(laboratory, folder, *, structures=True):
    """Exports a laboratory's campaign with what is attached, imports it into a store of this folder; gives that laboratory."""
    assert ask_tell.apply_commands_now(laboratory.resources, "lab")
    store, artifacts = _STORES.setdefault(folder, (MemoryCampaignStore(), FileArtifactStore(folder / "elsewhere")))
    path = folder / "lab.parquet"
    export_observations(laboratory.store, "lab", path, laboratory.resources.artifacts, structures=structures)
    import_observations(store, path, OWNER, artifacts=artifacts)
    return replace(laboratory, store=store, resources=replace(laboratory.resources, store=store, artifacts=artifacts))


def test_a_file_of_this_machine_is_kept_once_and_as_a_photo_by_its_ending(laboratory, tmp_path):
    (tmp_path / "sample.JPG").write_bytes(photo("JPEG"))
    (tmp_path / "curve.txt").write_text("1 2 3")
    for name in ("sample.JPG", "curve.txt", "curve.txt"):
        attachments.attach(laboratory.resources, ADA, "lab", attachments.given_file(tmp_path / name, 1))
    commands = laboratory.store.campaign("lab").commands
    assert [(item.name, item.media) for item in attachments_of(commands)] == [("sample.jpg", "image/jpeg"), ("curve.txt", None)]
    assert all(command.applied_at_number is not None for command in commands)
    plain = attachments.given_file(tmp_path / "sample.JPG", 1, photo=False)
    assert attachments.attach(laboratory.resources, ADA, "lab", plain).media is None
    with pytest.raises(ConfigurationError, match=r"none\.txt: cannot be read"):
        attachments.given_file(tmp_path / "none.txt", 1)
