"""Exit codes of the `tansaku` command and how errors map to them."""

from __future__ import annotations

import sys
from enum import IntEnum

from tansaku.deploy.cli.printing import clean
from tansaku.models.domain.errors import (
    CalculationError,
    ConfigurationError,
    FitError,
    LeaseHeldError,
    MissingComponentError,
    NotFoundError,
    StateError,
    StoreError,
    TansakuError,
    TransientError,
)


class ExitCode(IntEnum):
    """Exit codes of the command; scripts may rely on these numbers."""

    OK = 0
    STOPPED = 1
    USAGE = 2
    NOT_FOUND = 3
    LEASE_HELD = 4
    MISSING_COMPONENT = 5
    DATABASE = 6
    CALCULATION = 7
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.STOPPED: "the campaign stopped because too many evaluations failed or the same configuration error occurred "
    "three times in a row, no evaluation gave a value, or an unexpected error",
    ExitCode.USAGE: "an invalid option, campaign file or site file, or a command that does not apply in the campaign's state",
    ExitCode.NOT_FOUND: "no such campaign, candidate, template or exported file",
    ExitCode.LEASE_HELD: "another process drives the campaign",
    ExitCode.MISSING_COMPONENT: "an optional package or program is not installed",
    ExitCode.DATABASE: "the database is unreachable or rejected a request, or stored data cannot be read by this version",
    ExitCode.CALCULATION: "a calculation or fit failed outside a campaign",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C; the same command continues where it stopped",
}

# The first matching class decides, so subclasses come before their bases.
_BY_ERROR: tuple[tuple[type[TansakuError], ExitCode], ...] = (
    (LeaseHeldError, ExitCode.LEASE_HELD),
    (ConfigurationError, ExitCode.USAGE),
    (StateError, ExitCode.USAGE),
    (NotFoundError, ExitCode.NOT_FOUND),
    (MissingComponentError, ExitCode.MISSING_COMPONENT),
    (StoreError, ExitCode.DATABASE),
    (TransientError, ExitCode.DATABASE),
    (CalculationError, ExitCode.CALCULATION),
    (FitError, ExitCode.CALCULATION),
)


def exit_code(error: TansakuError) -> ExitCode:
    """Returns the exit code for ``error``."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.STOPPED)


def report(error: TansakuError) -> ExitCode:
    """Writes ``error`` to standard error, hint on its own line, and returns its exit code."""
    sys.stderr.write(f"error: {clean(str(error))}\n")
    return exit_code(error)


def epilogue() -> str:
    """Formats the list of exit codes for `--help`."""
    return "Exit codes: " + "; ".join(f"{code.value} {MEANINGS[code]}" for code in ExitCode) + "."
