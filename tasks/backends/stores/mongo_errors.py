"""Translates pymongo's errors into tansaku's, without credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from tansaku.models.domain.errors import StoreError, TransientError

_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_PASSING_CODES = frozenset({6, 7, 24, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""Server error codes of transient errors: host unreachable, lock or time limits, shutdown, elections, write conflicts."""


def redacted(text: str) -> str:
    """The text without the user and password of any URI in it."""
    return _CREDENTIALS.sub("//***@", text)


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Raises TransientError for transient errors and StoreError for all others.

    Args:
        action: What was being done, for the message.
    """
    try:
        yield
    except PyMongoError as error:
        detail = redacted(str(error))
        if _passes(error):
            raise TransientError(
                f"{action}: the database could not be reached or did not answer ({detail}); if this was a write, "
                "it is unknown whether it took place",
                hint="is the server running? `tansaku db status`, and the log it names",
            ) from error
        raise StoreError(f"{action}: the database rejected the request ({detail})") from error
    except (BSONError, OverflowError) as error:
        raise StoreError(f"{action}: cannot be stored or read ({error})") from error


def _passes(error: PyMongoError) -> bool:
    if isinstance(error, ConfigurationError):
        return False
    if isinstance(error, BulkWriteError) and (error.details or {}).get("writeConcernErrors"):
        return True
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return True
    if isinstance(error, OperationFailure) and error.code in _PASSING_CODES:
        return True
    return error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError")
