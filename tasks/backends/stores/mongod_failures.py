"""Explains why a mongod did not start, with a hint for the user."""

from __future__ import annotations

import json
from pathlib import Path

from tansaku.models.domain.errors import DiskFullError, StoreError
from tansaku.tasks.backends.stores.open_files import FEWEST_FILES, file_limit

_TAIL = 64 * 2**10

_TOO_MANY_FILES = ("Too many open files", "TooManyFilesOpen")

_NO_ROOM = ("No space left on device", "ENOSPC")

_REASONS = (
    (
        ("Read-only file system", "Permission denied", "IllegalOperation: Attempted to create a lock file on a read-only"),
        "the data folder cannot be written",
        "set TANSAKU_HOME to a folder that you may write",
    ),
    (
        ("DBPathInUse", "Unable to lock the lock file"),
        "another mongod uses the data folder",
        "stop that server, or set TANSAKU_HOME to another folder",
    ),
    (
        (
            "UPGRADE PROBLEM",
            "Wrong mongod version",
            "nvalid featureCompatibilityVersion",
            "unsupported WiredTiger file version",
        ),
        "the data folder was written by another version of MongoDB",
        "start it with that version, `tansaku db dump FILE`, move the data folder away, and `tansaku db restore FILE` with "
        "this one; MongoDB cannot open files of two releases earlier (8.0 those of 6.0): see docs/reference/mongodb.md",
    ),
    (
        ("WT_PANIC", "WiredTiger library panic", "checksum error", "file is corrupt", "starting MongoDB with --repair"),
        "the data files are damaged",
        "restore the last dump into a fresh TANSAKU_HOME",
    ),
)


def start_failure(binary: Path, status: int, output: str, log: Path) -> StoreError | DiskFullError:
    """Returns the error for a mongod that ended at its start. On a full disk a running campaign waits.

    Args:
        binary: What was started.
        status: Its exit status.
        output: What it printed.
        log: Its log file.
    """
    text = output + _tail(log)
    # Checked first: files it could not open are otherwise reported as missing, damaged or of another version.
    if any(mark in text for mark in _TOO_MANY_FILES):
        return StoreError(
            f"the database could not be started: it may not have enough files open; the limit is {file_limit()} (log: {log})",
            hint=f"raise the limit to {FEWEST_FILES} or more, or set TANSAKU_MONGO_URI to a server",
        )
    if any(mark in text for mark in _NO_ROOM):
        return DiskFullError(log.parent, "the database could not be started")
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
