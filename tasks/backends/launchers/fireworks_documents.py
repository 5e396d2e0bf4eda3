"""Validation of FireWorks documents, before FireWorks decodes them: exact keys, plain values, one Firetask.

Its decoder imports and calls what a document names (``_fw_name``, ``@module``), and its trackers read any file. Without
validation, anyone who can write to the LaunchPad could run code as the user; with it, they can at most request evaluations
that tansaku itself could have requested. The evaluation is JSON text, which no decoder looks into, and is compared with the
request in the job's folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.base import Name, PositiveFloat, Sha256
from tansaku.models.domain.wording import first_problem
from tansaku.tasks.node.jobs.document import Work

TASK_NAME = "{{tansaku.tasks.backends.launchers.firetask.EvaluationTask}}"
"""Name of our Firetask in FireWorks."""

JobName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")]

_FIREWORK = frozenset({"_id", "fw_id", "name", "state", "created_on", "updated_on", "launches", "archived_launches", "spec"})
_LAUNCH = frozenset(
    {
        "_id", "launch_id", "fw_id", "fworker", "launch_dir", "host", "ip", "trackers", "action", "state", "state_history",
        "time_start", "time_end", "runtime_secs", "reservedtime_secs",
    }
)  # fmt: skip
_WORKER = frozenset({"name", "category", "query", "env"})
_ACTION = frozenset(
    {
        "stored_data", "exit", "update_spec", "mod_spec", "additions", "detours", "append_wfs", "defuse_children",
        "defuse_workflow", "propagate",
    }
)  # fmt: skip
_INERT = ("update_spec", "mod_spec", "additions", "detours", "append_wfs", "defuse_children", "defuse_workflow", "propagate")
_OFFLINE = frozenset({"launch_id", "started_on", "completed_on", "state", "fwaction", "checkpoint", "ping_time"})
_LARGEST_REQUEST = 2 * 2**20
_DEEPEST = 12


class EvaluationRequest(Record):
    """A job as a Firework carries it: all of its request but the structure it starts from, which may be large."""

    name: JobName
    token: Annotated[str, Field(min_length=1, max_length=128)]
    timeout: PositiveFloat
    cost: Annotated[float, Field(ge=0.0)] = 0.0
    document: Work


class CarriedJob(Record):
    """A validated Firework of tansaku.

    Attributes:
        request_sha256: Hash of the whole request, as it lies in the job's folder.
    """

    fw_id: int
    site: Name
    campaign: Name
    request: EvaluationRequest
    request_sha256: Sha256


def task_document(campaign: str, request: JsonDict, request_file: Path) -> JsonDict:
    """Parameters of the Firetask that carries a job.

    Args:
        campaign: Whose job it is.
        request_file: Where that lies for the compute node.

    Raises:
        ConfigurationError: The request is none, or too large to be carried.
    """
    # Its keys keep their order, on which the candidates of a space of parameters depend.
    text = json.dumps(carried(request), separators=(",", ":"), allow_nan=False)
    if len(text) > _LARGEST_REQUEST:
        raise ConfigurationError(f"job {request['name']}: {len(text)} bytes of request; expected at most {_LARGEST_REQUEST}")
    digest = hashlib.sha256(request_file.read_bytes()).hexdigest()
    return {"campaign": campaign, "name": request["name"], "request": text, "request_sha256": digest}


def carried(request: Mapping[str, Any]) -> JsonDict:
    """The part of a request that its Firework carries."""
    chosen = {key: request[key] for key in ("name", "token", "timeout", "cost", "document")}
    document = chosen["document"]
    return chosen | ({"document": {**document, "start": None}} if "start" in document else {})


def check_firework(document: Mapping[str, Any]) -> CarriedJob:
    """Checks a Firework as it lies in the database, or in a file of offline mode.

    Args:
        document: Launches may be ids or documents; those are checked too.

    Returns:
        The job it carries.

    Raises:
        ConfigurationError: It is not exactly what tansaku writes; nothing of it was decoded.
    """
    where = f"firework {document.get('fw_id')!r}"
    _only(document, _FIREWORK, where)
    spec = _mapping(document.get("spec"), f"{where}: spec")
    _only(spec, {"_fworker", "_tasks"}, f"{where}: spec")
    tasks = spec.get("_tasks")
    if not isinstance(tasks, list) or len(tasks) != 1:
        raise ConfigurationError(f"{where}: spec._tasks: expected one task")
    job = _check_task(_mapping(tasks[0], f"{where}: spec._tasks.0"), f"{where}: spec._tasks.0")
    for key in ("launches", "archived_launches"):
        for launch in document.get(key, []):
            if not isinstance(launch, int):
                check_launch(launch)
    try:
        found = CarriedJob.model_validate({"fw_id": document.get("fw_id"), "site": spec.get("_fworker"), **job})
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {first_problem(error)}") from error
    if document.get("name") != found.request.name:
        raise ConfigurationError(f"{where}: name {document.get('name')!r}, but it carries job {found.request.name!r}")
    return found


def check_launch(document: object) -> None:
    """Checks a Launch as it lies in the database. Raises ConfigurationError."""
    launch = _mapping(document, "launch")
    where = f"launch {launch.get('launch_id')!r}"
    _only(launch, _LAUNCH, where)
    if launch.get("trackers"):
        raise ConfigurationError(f"{where}: trackers: expected none")
    if launch.get("fworker") is not None:
        _only(_mapping(launch["fworker"], f"{where}: fworker"), _WORKER, f"{where}: fworker")
        _plain(launch["fworker"], f"{where}: fworker")
    _plain(launch.get("state_history"), f"{where}: state_history")
    if launch.get("action") is not None:
        check_action(launch["action"], where)


def check_action(document: object, where: str) -> None:
    """Checks the stored return value of a Firetask. Raises ConfigurationError."""
    action = _mapping(document, f"{where}: action")
    _only(action, _ACTION, f"{where}: action")
    for key in _INERT:
        if action.get(key):
            raise ConfigurationError(f"{where}: action.{key}: expected none, because tansaku's jobs change no workflow")
    stored = dict(_mapping(action.get("stored_data") or {}, f"{where}: action.stored_data"))
    task = stored.pop("_task", None)
    if task is not None:
        _check_task(_mapping(task, f"{where}: action.stored_data._task"), f"{where}: action.stored_data._task")
    _plain(stored, f"{where}: action.stored_data")


def check_offline(document: object, where: str) -> None:
    """Checks what FireWorks wrote on a node without database. Raises ConfigurationError."""
    data = _mapping(document, where)
    _only(data, _OFFLINE, where)
    if data.get("fwaction") is not None:
        check_action(data["fwaction"], where)
    _plain({key: value for key, value in data.items() if key != "fwaction"}, where)


def _check_task(task: Mapping[str, Any], where: str) -> JsonDict:
    _only(task, {"_fw_name", "campaign", "name", "request", "request_sha256"}, where)
    if task.get("_fw_name") != TASK_NAME:
        raise ConfigurationError(f"{where}: _fw_name: {str(task.get('_fw_name'))[:100]!r}, expected {TASK_NAME!r}")
    text = task.get("request")
    if not isinstance(text, str) or len(text) > _LARGEST_REQUEST:
        raise ConfigurationError(f"{where}: request: expected JSON text of at most {_LARGEST_REQUEST} bytes")
    try:
        request = json.loads(text)
        checked = EvaluationRequest.model_validate(request)
    except (ValueError, RecursionError) as error:
        reason = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise ConfigurationError(f"{where}: request: {reason}") from error
    if task.get("name") != checked.name:
        raise ConfigurationError(f"{where}: name {task.get('name')!r}, but its request is of job {checked.name!r}")
    return {"campaign": task.get("campaign"), "request": request, "request_sha256": task.get("request_sha256")}


def _only(document: Mapping[str, Any], known: frozenset[str] | set[str], where: str) -> None:
    unknown = sorted(str(key) for key in document if key not in known)
    if unknown:
        raise ConfigurationError(f"{where}: unknown key {unknown[0][:100]!r}; known are {', '.join(sorted(known))}")


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where}: {type(value).__name__} instead of a mapping")
    return value


def _plain(value: object, where: str, depth: int = 0) -> None:
    """Rejects everything that FireWorks' decoder would treat specially."""
    if depth > _DEEPEST:
        raise ConfigurationError(f"{where}: nested too deeply")
    if isinstance(value, Mapping):
        for key, child in value.items():
            if not isinstance(key, str) or key.startswith(("@", "$")) or key == "_fw_name":
                raise ConfigurationError(f"{where}: key {str(key)[:100]!r} is not allowed")
            _plain(child, f"{where}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for child in value:
            _plain(child, where, depth + 1)
