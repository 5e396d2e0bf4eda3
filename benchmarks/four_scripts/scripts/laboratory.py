"""The laboratory, put in place of its import: writes down each measurement, and halts to have its script killed."""

import time
from pathlib import Path

FOLDER = Path("FOLDER")
HALTS: list[int] = []


def measure(temperature: float, x: float, solvent: str) -> float:
    """The yield [%]."""
    _write("begun", temperature, x, solvent)
    number = len((FOLDER / "begun").read_text().splitlines())
    for place in HALTS:
        if number >= place:
            _halt(FOLDER / f"halted-{place}")
    value = 80 - (temperature - 620) ** 2 / 2e3 - 90 * (x - 0.4) ** 2 - 5 * (solvent == "water")
    _write("ended", temperature, x, solvent)
    return value


def _write(name: str, temperature: float, x: float, solvent: str) -> None:
    with (FOLDER / name).open("a") as stream:
        stream.write(f"{float(temperature)!r} {float(x)!r} {solvent}\n")


def _halt(file: Path) -> None:
    """Waits until the benchmark takes the file away; each place halts one measurement."""
    try:
        file.with_suffix(".begun").touch(exist_ok=False)
    except FileExistsError:
        return
    file.touch()
    while file.exists():
        time.sleep(0.01)
