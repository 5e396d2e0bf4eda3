"""Why a mongod did not start, in words a user can act upon."""

from __future__ import annotations

import json
from pathlib import Path

from tansaku.models.domain.errors import StoreError

_TAIL = 64 * 2**10

_REASONS = (
    (
        ("No space left on device", "ENOSPC"),
        "the disk is full",
        "free some space, or set TANSAKU_HOME to a folder on another disk",
    ),
    (
        ("Read-only file system", "Permission denied", "IllegalOperation: Attempted to create a lock file on a read-only"),
        "the data folder cannot be written",
        "set TANSAKU_HOME to a folder that you may write",
    ),
    (
        ("DBPathInUse", "Unable to lock the lock file"),
        "another mongod has the data folder open",
        "stop that server, or set TANSAKU_HOME to another folder",
    ),
    (
        ("UPGRADE PROBLEM", "Wrong mongod version", "featureCompatibilityVersion"),
        "the data folder was written by another version of MongoDB",
        "start it with that version, `tansaku db dump` it there and `tansaku db restore` it here",
    ),
    (
        ("WT_PANIC", "WiredTiger library panic", "checksum error", "file is corrupt", "starting MongoDB with --repair"),
        "the data files are damaged",
        "restore the last dump into a fresh TANSAKU_HOME",
    ),
)


def start_failure(binary: Path, status: int, output: str, log: Path) -> StoreError:
    """The error for a mongod that ended instead of becoming ready.

    Args:
        binary: What was started.
        status: Its exit status.
        output: What it printed.
        log: Its log file.
    """
    text = output + _tail(log)
    for marks, reason, hint in _REASONS:
        if any(mark in text for mark in marks):
            return StoreError(f"the database could not be started: {reason} (log: {log})", hint=hint)
    complaint = _first_complaint(text) or "it printed nothing"
    return StoreError(
        f"the database could not be started: {binary} ended with status {status}; {complaint}",
        hint=f"its log is {log}",
    )


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(log.stat().st_size - _TAIL, 0))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text[max(text.rfind('"msg":"MongoDB starting"'), 0) :]


def _first_complaint(text: str) -> str:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("s") in ("E", "F"):
            return f"{entry.get('msg', '')} {json.dumps(entry.get('attr', {}))}"[:400]
    return text.strip()[-300:]
