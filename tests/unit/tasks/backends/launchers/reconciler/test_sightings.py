import json
import time

from tansaku.tasks.backends.launchers.reconciler import Sightings


def look(path, launch, looks):
    sightings = Sightings(path)
    found = sightings.unchanged(launch, looks)
    sightings.save()
    return found


def test_silence_is_counted_from_the_first_look_that_saw_it(tmp_path):
    path = tmp_path / "seen.json"
    assert look(path, "a", "beat 1") == 0.0
    time.sleep(0.02)
    first = look(path, "a", "beat 1")
    time.sleep(0.02)
    assert look(path, "a", "beat 1") > first > 0.0
    assert look(path, "a", "beat 2") == 0.0


def test_what_is_not_seen_any_more_is_forgotten(tmp_path):
    path = tmp_path / "seen.json"
    look(path, "a", "beat 1")
    look(path, "b", "beat 1")
    assert set(json.loads(path.read_text())["launches"]) == {"b"}
    assert look(path, "a", "beat 1") == 0.0


def test_a_look_from_another_machine_begins_anew(tmp_path):
    path = tmp_path / "seen.json"
    look(path, "a", "beat 1")
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "host": "elsewhere", "launches": {"a": {"looks": "beat 1", "since": 0.0}}}))
    assert look(path, "a", "beat 1") == 0.0


def test_nothing_is_kept_without_saving(tmp_path):
    Sightings(tmp_path / "seen.json").unchanged("a", "beat 1")
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_as_a_first_look(tmp_path):
    path = tmp_path / "seen.json"
    path.write_text("{")
    assert look(path, "a", "beat 1") == 0.0
    assert set(json.loads(path.read_text())["launches"]) == {"a"}
