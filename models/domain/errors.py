"""Every error tansaku raises on purpose.

TansakuError
├── ConfigurationError (ValueError)      a file or option the user wrote is wrong
│   ├── SpecChangedError                 a known campaign was given another spec
│   ├── InvalidSpecError                 keys of a spec are wrong
│   └── FieldError                       a field of a form or request is wrong
│       └── SurpriseError                a value is far from what was expected, and nobody confirmed it
├── MissingComponentError (ImportError)  an optional package or program is not installed
├── NotFoundError (LookupError)          a campaign, candidate, artifact or job that does not exist
│   └── DamagedResultError               a job's result cannot be used: its file is damaged
├── StoreError (RuntimeError)            the database refused, is newer than this program, or is damaged
│   ├── LeaseHeldError                   another driver owns the campaign
│   └── FencedError                      this driver's lease was taken over; nothing was written
├── CalculationError (RuntimeError)      the science failed: not converged, exploded, atoms overlap
├── FitError (ArithmeticError)           a surrogate or hyper-parameter fit failed
└── TransientError (OSError)             plumbing; the only kind that is retried
    ├── DamagedFileError                 a file of a job cannot be read as what it should be
    └── DiskFullError                    no space is left; the driver waits for room
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


class TansakuError(Exception):
    """Root of all errors raised on purpose.

    Args:
        message: What is wrong, with the offending value.
        hint: What the reader can do about it, if anything.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class ConfigurationError(TansakuError, ValueError):
    """A file or option the user wrote is wrong; nothing was spent."""


class SpecChangedError(ConfigurationError):
    """A stored campaign was started with a spec that differs in more than the allowed edits."""


@dataclass(frozen=True)
class SpecProblem:
    """An error in a spec: the key and its problem.

    Attributes:
        key: Its path, as ``space.translation.step``; empty: the whole text.
        line: Of the text, counted from 1; None: not known.
        message: What is wrong, with the value and what was expected; without the key.
    """

    key: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message


class InvalidSpecError(ConfigurationError):
    """Keys of a spec are wrong.

    Args:
        message: All of it in words.
        hint: What the reader can do about it, if anything.
    """

    def __init__(self, message: str, problems: Sequence[SpecProblem], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class FieldError(ConfigurationError):
    """A field of a form or request has a value that cannot be used.

    Args:
        key: Path of the field.
        message: What is wrong.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class SurpriseError(FieldError):
    """Values are so far from what was expected that somebody should confirm them first; nothing was stored.

    Args:
        message: Which values, and what was expected.
    """

    def __init__(self, message: str) -> None:
        super().__init__("confirm", message)


class MissingComponentError(TansakuError, ImportError):
    """An optional package or program is not installed; the message names what to install."""


@contextmanager
def installed(needs: str, hint: str) -> Iterator[None]:
    """Imports an optional package in its block.

    Args:
        needs: What needs it, and its name, for the message.
        hint: The command that installs it.

    Raises:
        MissingComponentError: It is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingComponentError(f"{needs}: {error}", hint=hint) from error


class NotFoundError(TansakuError, LookupError):
    """Something named by the caller does not exist."""


class DamagedResultError(NotFoundError):
    """A job left a result that cannot be used: truncated, of another shape, or with files that do not match it."""


class StoreError(TansakuError, RuntimeError):
    """The store cannot do what was asked and trying again will not help."""


class LeaseHeldError(StoreError):
    """Another driver owns the campaign.

    Args:
        message: Who, and since when.
        hint: What the reader can do about it.
        remaining: Time until the lease expires unless it is renewed [s].
    """

    def __init__(self, message: str, *, hint: str | None = None, remaining: float = 0.0) -> None:
        super().__init__(message, hint=hint)
        self.remaining = remaining


class StateError(StoreError):
    """A command does not apply to a campaign in its state."""


class FencedError(StoreError):
    """The caller's lease epoch is no longer current; the write was refused."""


class CalculationError(TansakuError, RuntimeError):
    """The science failed for one candidate: it will fail again when repeated.

    Args:
        reason: Short machine-readable reason, e.g. ``not_converged``.
        message: What happened, in words.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class FitError(TansakuError, ArithmeticError):
    """A surrogate or hyper-parameter fit failed; the last good one stays in use."""


class TransientError(TansakuError, OSError):
    """Plumbing failed in a way that may pass; the caller may retry."""


class OvertakenError(TransientError):
    """Something was stored after a request was judged by what was stored before; nothing was stored of the request."""


class SlowQueryError(TransientError):
    """The database was given up after the time that a question may take."""


class DamagedFileError(TransientError):
    """A file that one process writes for another does not have the expected content."""


class DiskFullError(TransientError):
    """No space, inode or quota is left; the driver waits until there is room.

    Args:
        folder: Where nothing can be written.
        consequence: What cannot be done without space, in words.
    """

    def __init__(self, folder: object, consequence: str = "") -> None:
        before = f"{consequence}: " if consequence else ""
        super().__init__(f"{before}disk is full: {folder}", hint="free some space there; a running campaign then continues")
