"""The address of a dashboard is known while its process runs, and no longer."""

import json

import pytest

from tansaku.tasks.ground.site.dashboard_address import known_address, noted_address

URL = "http://127.0.0.1:40123"


def test_it_is_known_while_the_dashboard_runs(tmp_path):
    assert known_address(tmp_path) is None
    with noted_address(tmp_path, URL):
        assert known_address(tmp_path) == URL
    assert known_address(tmp_path) is None


def test_the_last_dashboard_keeps_its_note_when_an_earlier_one_ends(tmp_path):
    with noted_address(tmp_path, URL):
        with noted_address(tmp_path, "http://127.0.0.1:2"):
            pass
        assert known_address(tmp_path) is None
    first = noted_address(tmp_path, URL)
    first.__enter__()
    with noted_address(tmp_path, "http://127.0.0.1:2"):
        first.__exit__(None, None, None)
        assert known_address(tmp_path) == "http://127.0.0.1:2"


def test_the_note_of_a_killed_process_is_not_believed(tmp_path):
    with noted_address(tmp_path, URL):
        path = tmp_path / "service/dashboard.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"started": "boot/0"}))
        assert known_address(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}', '{"pid": "x", "started": "y", "url": "z"}'])
def test_a_damaged_note_is_none(tmp_path, text):
    (tmp_path / "service").mkdir()
    (tmp_path / "service/dashboard.json").write_text(text)
    assert known_address(tmp_path) is None


def test_a_folder_that_cannot_be_written_hinders_nobody(tmp_path):
    (tmp_path / "file").touch()
    with noted_address(tmp_path / "file", URL):
        assert known_address(tmp_path / "file") is None
