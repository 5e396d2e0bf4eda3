import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.backends.launchers.launches import LaunchFolder, LaunchOrder, Member, launch_name, launch_of, open_spool

ORDER = LaunchOrder(
    site="cluster",
    campaign="test",
    folder="/shared",
    mode="online",
    database="launchpad",
    uri_file="/home/ada/uri",
    members=(Member(name="job", fw_id=1, launch_id=2),),
    heartbeat=1.0,
    kill_grace=1.0,
    patience=0.0,
    walltime=60.0,
)


def test_a_launch_s_name_is_the_attempt_s_alone():
    assert launch_name("job", "a") == launch_name("job", "a")
    assert len({launch_name("job", "a"), launch_name("job", "b"), launch_name("other", "a")}) == 3


def test_an_order_comes_back_as_it_was_written(tmp_path):
    folder = LaunchFolder.of(tmp_path, "job-1")
    folder.create()
    folder.write("launch", ORDER.model_dump(mode="json"))
    assert folder.order() == ORDER


@pytest.mark.parametrize("spoil", [{"folder": "relative"}, {"members": []}, {"mode": "other"}, {"more": 1}])
def test_an_order_that_is_none_is_refused(tmp_path, spoil):
    folder = LaunchFolder.of(tmp_path, "job-1")
    folder.create()
    folder.write("launch", ORDER.model_dump(mode="json") | spoil)
    with pytest.raises(ConfigurationError, match=r"launch\.json"):
        folder.order()


def test_only_one_run_of_a_launch_begins(tmp_path):
    folder = LaunchFolder.of(tmp_path, "job-1")
    folder.create()
    assert not folder.begun
    assert folder.begin({"pid": 1})
    assert not folder.begin({"pid": 2})
    assert folder.begun
    assert folder.read("runner") == {"pid": 1}


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a\n", "x" * 200])
def test_a_name_that_is_none_leads_nowhere(tmp_path, name):
    with pytest.raises(ConfigurationError, match="launch name"):
        LaunchFolder.of(tmp_path, name)


def test_a_heartbeat_changes_what_is_seen(tmp_path):
    folder = LaunchFolder.of(tmp_path, "job-1")
    folder.create()
    seen = [folder.pulse()]
    for beat in (1, 2):
        folder.write("heartbeat", {"beat": beat})
        seen.append(folder.pulse())
    assert len(set(seen)) == 3


def test_the_launch_of_a_job_is_found_by_its_membership(tmp_path):
    spool = open_spool(tmp_path, "test")
    spool.create(pipes=False)
    spool.add("job", {"token": "t"}, queue=False)
    assert launch_of(spool, tmp_path, "job") is None
    (spool.folder("job") / "launch.json").write_text('{"launch": "job-1"}')
    assert launch_of(spool, tmp_path, "job").name == "job-1"
    assert spool.waiting() == []
