#!/usr/bin/env python3
"""Speaks as much of the language of CP2K's shell as ASE does; its energy is a spring between the first two atoms [eV, Å].

It continues after an SCF that has not converged, and ends at a basis set that it does not know, as CP2K 2023.1 does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

STIFFNESS, LENGTH = 5.0, 0.75
STRESS = "1.0 4.0 5.0 4.0 2.0 6.0 5.0 6.0 3.0"
FRAME = "*" * 79


def answers(lines: Iterator[str]) -> Iterator[str]:
    """What it prints, line by line."""
    yield "* READY"
    places: list[list[float]] = []
    output, short = Path(), False
    for line in lines:
        word, *rest = line.split()
        if word == "EXIT":
            return
        if word == "VERSION":
            yield "CP2K Shell Version: 7.0"
        elif word == "WRITE_FILE":
            name, count = next(lines).strip(), int(next(lines))
            Path(name).write_text("".join(next(lines) for _ in range(count)))
            next(lines)
        elif word == "LOAD":
            text, output = Path(rest[0]).read_text(), Path(rest[1])
            if "BASIS_SET NONE" in text:
                output.write_text(f" {FRAME}\n * [ABORT] *\n * The requested basis set <NONE> was not found *\n {FRAME}\n")
                sys.exit(1)
            short = "MAX_SCF 2" in text.replace("MAX_SCF 20", "")
            yield "1"
        elif word == "SET_CELL":
            for _ in range(3):
                next(lines)
        elif word == "SET_POS":
            numbers = [float(number) for _ in range(int(next(lines)) // 3) for number in next(lines).split()]
            next(lines)
            places = [numbers[k : k + 3] for k in range(0, len(numbers), 3)]
            yield "0.1"
        elif word == "EVAL_EF":
            said = output.read_text() if output.exists() else ""
            output.write_text(said + ("SCF run NOT converged\n" if short else "SCF run converged in 8 steps\n"))
        elif word in ("GET_E", "GET_F"):
            along = [b - a for a, b in zip(*places[:2], strict=True)]
            distance = sum(number**2 for number in along) ** 0.5
            if word == "GET_E":
                yield repr(0.5 * STIFFNESS * (distance - LENGTH) ** 2)
            else:
                pull = [STIFFNESS * (distance - LENGTH) * number / distance for number in along]
                rows = [pull, [-number for number in pull], *([[0.0] * 3] * (len(places) - 2))]
                yield str(3 * len(places))
                yield from (" ".join(map(repr, row)) for row in rows)
                yield "* END"
        elif word == "GET_STRESS":
            yield STRESS
        yield "* READY"


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(" CP2K version 0.0, a stand-in")
        sys.exit(0)
    for answer in answers(iter(sys.stdin)):
        print(answer, flush=True)
