import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.backends.launchers.fireworks_documents import (
    TASK_NAME,
    check_action,
    check_firework,
    check_launch,
    check_offline,
    task_document,
)
from tansaku.tasks.node.jobs.document import JobDocument
from tests.support.campaign_files import table_space

SPACE = table_space("t.csv", {"id": "id", "value": "v"}, {"x": {"columns": ["x"]}})
DOCUMENT = JobDocument(campaign="test", candidate="a", base_path="/", space=SPACE, start="atoms " * 1000).model_dump(
    mode="json"
)
REQUEST = {"name": "job", "token": "t", "timeout": 60.0, "cost": 2.0, "document": DOCUMENT}
ACTION = {
    "stored_data": {"token": "t"},
    "exit": False,
    "update_spec": {},
    "mod_spec": [],
    "additions": [],
    "detours": [],
    "append_wfs": [],
    "defuse_children": False,
    "defuse_workflow": False,
    "propagate": False,
}
LAUNCH = {
    "launch_id": 1,
    "fw_id": 7,
    "fworker": {"name": "cluster", "category": "", "query": "{}", "env": {}},
    "launch_dir": "/x",
    "host": "h",
    "ip": "i",
    "trackers": [],
    "action": ACTION,
    "state": "COMPLETED",
    "state_history": [{"state": "RUNNING", "created_on": "2026-01-01T00:00:00"}],
}


@pytest.fixture(scope="module")
def firework(tmp_path_factory):
    file = tmp_path_factory.mktemp("job") / "request.json"
    file.write_text(json.dumps(REQUEST))
    task = {"_fw_name": TASK_NAME, **task_document("test", REQUEST, file)}
    return {
        "fw_id": 7,
        "name": "job",
        "state": "READY",
        "launches": [LAUNCH],
        "archived_launches": [3],
        "spec": {"_fworker": "cluster", "_tasks": [task]},
    }


def changed(document, path, value):
    copied = copy.deepcopy(document)
    *parents, last = path
    target = copied
    for key in parents:
        target = target[key]
    target[last] = value
    return copied


def test_what_tansaku_writes_passes_and_carries_the_job(firework):
    job = check_firework(firework)
    assert (job.fw_id, job.site, job.campaign, job.request.name, job.request.token) == (7, "cluster", "test", "job", "t")
    assert job.request.cost == 2.0


def test_the_request_keeps_the_order_of_its_keys_on_which_candidates_may_depend(firework):
    assert list(json.loads(firework["spec"]["_tasks"][0]["request"])) == list(REQUEST)


def test_the_structure_to_begin_with_is_not_carried(firework):
    assert check_firework(firework).request.document.start is None
    assert "atoms" not in firework["spec"]["_tasks"][0]["request"]


TASK = ("spec", "_tasks", 0)
POISON = [
    (("spec", "_tasks", 0, "_fw_name"), "ScriptTask"),
    (("spec", "_tasks", 0, "_fw_name"), "{{os.system}}"),
    (("spec", "_tasks", 0, "extra"), 1),
    (("spec", "_tasks"), []),
    (("spec", "_tasks"), "x"),
    (("spec", "_launch_dir"), "/tmp"),
    (("spec", "_background_tasks"), []),
    (("spec", "_files_in"), {"a": "/etc/passwd"}),
    (("spec", "_fworker"), "not a name"),
    (("spec", "@module"), "os"),
    (("@class",), "X"),
    (("spec",), None),
    (("name",), "other"),
    (("fw_id",), "7; x"),
    ((*TASK, "name"), "other"),
    ((*TASK, "campaign"), "../.."),
    ((*TASK, "request"), {"name": "job"}),
    ((*TASK, "request"), "not json"),
    ((*TASK, "request"), "[" * 100_000),
    ((*TASK, "request"), '{"name": "../x"}'),
    ((*TASK, "request_sha256"), "0"),
    (("launches", 0, "trackers"), [{"filename": "/etc/passwd", "nlines": 25}]),
    (("launches", 0, "extra"), 1),
    (("launches", 0, "fworker"), {"_fw_name": "ScriptTask"}),
    (("launches", 0, "fworker", "env"), {"a": {"@module": "os", "@class": "x"}}),
    (("launches", 0, "state_history"), [{"checkpoint": {"_fw_name": "ScriptTask"}}]),
    (("launches", 0, "action", "additions"), [{"fws": []}]),
    (("launches", 0, "action", "mod_spec"), [{"_set": {"a": 1}}]),
    (("launches", 0, "action", "stored_data"), {"x": [{"@module": "os", "@class": "x"}]}),
    (("launches", 0, "action", "stored_data"), {"_task": {"_fw_name": "ScriptTask"}}),
    (("launches", 0), "x"),
]


@pytest.mark.parametrize(
    ("path", "value"), POISON, ids=[f"{k}-{'.'.join(map(str, path))}" for k, (path, _) in enumerate(POISON)]
)
def test_whatever_differs_is_refused(firework, path, value):
    with pytest.raises(ConfigurationError):
        check_firework(changed(firework, path, value))


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.text(max_size=5), lambda c: st.lists(c, max_size=2))))
def test_anything_else_is_refused_and_nothing_else_is_raised(document):
    for check in (check_firework, check_launch):
        with pytest.raises(ConfigurationError):
            check({**document, "no key of theirs": 1})


def test_a_request_with_a_calculator_nobody_knows_is_refused(firework):
    request = json.loads(firework["spec"]["_tasks"][0]["request"])
    request["document"]["space"]["type"] = "os.system"
    with pytest.raises(ConfigurationError, match="space"):
        check_firework(changed(firework, (*TASK, "request"), json.dumps(request)))


def test_a_request_too_large_to_be_carried_is_refused_before_it_is_written(tmp_path):
    (tmp_path / "request.json").write_text("{}")
    large = changed(REQUEST, ("document", "candidate"), "x" * 3_000_000)
    with pytest.raises(ConfigurationError, match="bytes of request"):
        task_document("test", large, tmp_path / "request.json")


def test_a_fizzled_action_of_ours_passes(firework):
    check_action(ACTION | {"stored_data": {"_task": firework["spec"]["_tasks"][0], "_message": "x"}, "exit": True}, "launch")


def test_files_of_offline_mode_are_checked_too():
    check_offline({"launch_id": 1, "started_on": "x", "fwaction": ACTION, "state": "COMPLETED"}, "file")
    for poison in ({"x": 1}, {"state": {"@module": "os"}}, {"fwaction": {"additions": [1]}}, [1]):
        with pytest.raises(ConfigurationError):
            check_offline(poison, "file")
