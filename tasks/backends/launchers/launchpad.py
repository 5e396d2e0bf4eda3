"""FireWorks' LaunchPad with validation before decoding, timeouts and tansaku's errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from fireworks.core.firework import Firework, Launch, Workflow
from fireworks.core.launchpad import LaunchPad, LazyFirework, get_action_from_gridfs
from pydantic import SecretStr

from tansaku.models.domain.errors import StoreError, TansakuError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.launchers.firetask import EvaluationTask
from tansaku.tasks.backends.launchers.fireworks_documents import check_firework, check_launch
from tansaku.tasks.backends.stores.mongo_errors import translated

_SELECTION_MS = 5_000
_SOCKET_MS = 30_000
_TRIES = 3
_LOCK_SECONDS = 10.0
"""A process holds the lock of a workflow for milliseconds; one that is held longer is that of a killed process."""


class _CheckedFirework(LazyFirework):  # type: ignore[misc]
    """Checks the very documents that it decodes."""

    _fw: Firework | None

    @property
    def partial_fw(self) -> Firework:
        if not self._fw:
            fields = [*self.db_fields, *self.db_launch_fields]
            data = self._fwc.find_one({"fw_id": self.fw_id}, projection=fields)
            if data is None:
                raise ValueError(f"firework {self.fw_id} is gone")
            check_firework(data)
            self._lids = {key: data.pop(key) for key in self.db_launch_fields}
            self._fw = Firework.from_dict(data)
        return self._fw

    def _get_launch_data(self, name: str) -> list[Launch]:
        firework = self.partial_fw
        if not self._launches[name]:
            found = []
            for data in self._lc.find({"launch_id": {"$in": self._lids[name]}}):
                check_launch(data)
                found.append(Launch.from_dict(data))
            setattr(firework, name, found)
            self._launches[name] = True
        launches: list[Launch] = getattr(firework, name)
        return launches


class CheckedLaunchPad(LaunchPad):  # type: ignore[misc]
    """A LaunchPad of tansaku's Fireworks alone.

    Every document is held against the allow-list before it is decoded. Raises ConfigurationError for one that is not ours.
    """

    def get_fw_dict_by_id(self, fw_id: int) -> dict[str, Any]:
        """The Firework with its launches, checked."""
        document: dict[str, Any] = super().get_fw_dict_by_id(fw_id)
        check_firework(document)
        return document

    def get_launch_by_id(self, launch_id: int) -> Launch:
        """The launch, checked."""
        document = self.launches.find_one({"launch_id": launch_id})
        if document is None:
            raise ValueError(f"No Launch exists with {launch_id=}")
        document["action"] = get_action_from_gridfs(document.get("action"), self.gridfs_fallback)
        check_launch(document)
        return Launch.from_dict(document)

    def get_wf_by_fw_id_lzyfw(self, fw_id: int) -> Workflow:
        """The workflow of a Firework; what it loads later is checked then."""
        workflow = super().get_wf_by_fw_id_lzyfw(fw_id)
        for node in list(workflow.id_fw):
            checked = _CheckedFirework(node, self.fireworks, self.launches, self.gridfs_fallback)
            workflow.id_fw[node] = checked
        return workflow

    def _refresh_wf(self, fw_id: int) -> None:
        # FireWorks waits five minutes for the lock of a workflow that is not there, or whose holder was killed.
        if self._unlocked(fw_id):
            super()._refresh_wf(fw_id)

    def _unlocked(self, fw_id: int) -> bool:
        """Returns whether there is a workflow; the lock of a killed process is removed."""
        begun = time.monotonic()
        while (workflow := self.workflows.find_one({"nodes": fw_id}, {"locked": 1})) is not None and "locked" in workflow:
            if time.monotonic() - begun > _LOCK_SECONDS:
                self.workflows.update_one({"nodes": fw_id}, {"$unset": {"locked": True}})
                return True
            Event().wait(0.1)
        return workflow is not None


def open_launchpad(uri: SecretStr, name: str) -> CheckedLaunchPad:
    """Opens a LaunchPad; nothing is asked of the server yet.

    Args:
        uri: MongoDB's address, with credentials.
        name: Database of the LaunchPad.
    """
    launchpad = CheckedLaunchPad(
        host=uri.get_secret_value(),
        name=name,
        uri_mode=True,
        strm_lvl="CRITICAL",
        mongoclient_kwargs={
            "appname": "tansaku",
            "serverSelectionTimeoutMS": _SELECTION_MS,
            "connectTimeoutMS": _SELECTION_MS,
            # FireWorks sets none for an address.
            "socketTimeoutMS": _SOCKET_MS,
            "w": "majority",
            "journal": True,
        },
    )
    # It logs every step; inside a Prefect flow that would be the driver's output.
    launchpad.m_logger.setLevel(logging.CRITICAL)
    return launchpad


@contextmanager
def asking(action: str) -> Iterator[None]:
    """Translates errors of the database and of FireWorks into tansaku's.

    FireWorks' own hints (``lpad reset`` among them) are not passed on: no message here suggests a destructive command.

    Raises:
        TransientError: The database did not answer.
        StoreError: It refused, or the LaunchPad is not in order.
    """
    try:
        with translated(action):
            yield
    except TansakuError:
        raise
    except (ValueError, RuntimeError, KeyError, AttributeError, TypeError) as error:
        raise StoreError(f"{action}: the LaunchPad is inconsistent ({type(error).__name__})") from error


def prepare(launchpad: CheckedLaunchPad) -> None:
    """Makes indexes and counters once per database; a Firework's name is unique, so that a job is there once."""
    with asking("preparing the LaunchPad"):
        if launchpad.fw_id_assigner.find_one({}) is None:
            first = {"next_fw_id": 1, "next_launch_id": 1}
            launchpad.fw_id_assigner.update_one({"_id": "tansaku"}, {"$setOnInsert": first}, upsert=True)
        for key in ("fw_id", "name"):
            launchpad.fireworks.create_index(key, unique=True)
        launchpad.fireworks.create_index("state")
        launchpad.launches.create_index("launch_id", unique=True)
        launchpad.launches.create_index("fw_id")
        launchpad.workflows.create_index("nodes")


def add_job(launchpad: CheckedLaunchPad, site: str, task: JsonDict) -> int:
    """Adds a job's Firework once per name and makes one whole that a killed driver left half added.

    Returns:
        FireWorks' number of it.

    Raises:
        TransientError: The database did not answer; adding again is safe.
    """
    for _ in range(_TRIES):
        try:
            return _added(launchpad, site, task)
        except StoreError:
            # The node of a job of this name that was forgotten wrote its Firework again just now.
            with asking(f"looking for job {task['name']}"):
                if launchpad.fireworks.find_one({"name": task["name"]}, {"_id": 1}) is None:
                    raise
    raise TransientError(f"job {task['name']}: a node that ran it before keeps writing its Firework")


def _added(launchpad: CheckedLaunchPad, site: str, task: JsonDict) -> int:
    name = task["name"]
    with asking(f"adding job {name} to the LaunchPad"):
        known = launchpad.fireworks.find_one({"name": name}, {"fw_id": 1})
        if known is not None:
            number = int(known["fw_id"])
            if launchpad.workflows.find_one({"nodes": number}, {"_id": 1}) is not None:
                return number
            # FireWorks writes the workflow after the Firework, and nothing is launched without one: half added, or left over.
            launchpad.fireworks.delete_one({"fw_id": number})
        firework = Firework([EvaluationTask(task)], spec={"_fworker": site}, name=name)
        added: dict[int, int] = launchpad.add_wf(Workflow.from_firework(firework))
        return next(iter(added.values()))


def remove_job(launchpad: CheckedLaunchPad, name: str) -> None:
    """Removes a job's Firework and what belongs to it, the Firework last: a kill in between leaves it to be found again.

    The workflow goes first. What its node writes after that is the node's to sweep (:func:`sweep_remains`), what it wrote
    before is removed here; were the launches removed before the workflow, one written in between would be nobody's.
    """
    with asking(f"removing job {name} from the LaunchPad"):
        known = launchpad.fireworks.find_one({"name": name}, {"fw_id": 1})
        if known is None:
            return
        number = known["fw_id"]
        launchpad.workflows.delete_one({"nodes": number})
        launchpad.offline_runs.delete_many({"fw_id": number})
        launchpad.launches.delete_many({"fw_id": number})
        launchpad.fireworks.delete_one({"fw_id": number})


def sweep_remains(launchpad: CheckedLaunchPad, fw_id: int) -> None:
    """Removes what FireWorks wrote about a Firework after that had been removed: it inserts what it does not find."""
    with asking(f"cleaning up after firework {fw_id}"):
        if launchpad.workflows.find_one({"nodes": fw_id}, {"_id": 1}) is None:
            launchpad.launches.delete_many({"fw_id": fw_id})
            launchpad.offline_runs.delete_many({"fw_id": fw_id})
            # One that is READY is being added: its workflow comes after it.
            launchpad.fireworks.delete_one({"fw_id": fw_id, "state": {"$ne": "READY"}})


def count_states(launchpad: CheckedLaunchPad, site: str) -> dict[str, int]:
    """Number of a site's Fireworks by state."""
    with asking("counting jobs in the LaunchPad"):
        groups = [{"$match": {"spec._fworker": site}}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        return {str(item["_id"]): int(item["count"]) for item in launchpad.fireworks.aggregate(groups)}
