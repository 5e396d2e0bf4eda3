"""``python -m benchmarks.paths.exhaustive [HOST ...]``: the energy of the ion at every distinct point, by CHGNet, host rigid.

One Parquet file for each host, in ``benchmarks/paths/surfaces``. Interrupted, it continues; finished hosts are left alone.
Nothing needs forces here, so the network is asked for energies alone, of a few structures at once, in less than half of the
time of complete evaluations. A complete evaluation of each host's first point must agree.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.paths.hosts import HOSTS, SURFACES, TUNING, Host, read_surface, write_surface
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.chgnet import load_network
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec

AGREES = 1e-5
"""Largest difference between an energy of a batch and that of a complete evaluation [eV]."""

_EVERY = 24
_BATCH = 3
"""Structures at once; more do not stay in the cache and take longer."""


def compute(host: Host, spec: ChgnetSpec) -> None:
    """Computes what a host's file lacks.

    Raises:
        ArithmeticError: Energies of batches are not those of complete evaluations.
    """
    space, network, calculator = host.space(), load_network(spec), open_calculator(spec, Path())
    ids = [str(name) for name in space.pool().ids]
    known = read_surface(host.file)[0] if host.file.is_file() else {}
    left = [name for name in ids if name not in known]
    source = calculator.provenance
    provenance = {
        "code": source.code,
        "code_version": source.code_version,
        "model": source.model,
        "sha256": source.model_sha256,
    }
    begun, spent = time.perf_counter(), time.process_time()
    for start in range(0, len(left), _EVERY):
        chunk = left[start : start + _EVERY]
        for first in range(0, len(chunk), _BATCH):
            names = chunk[first : first + _BATCH]
            energies = network.energies([space.structure(name) for name in names])
            known |= dict(zip(names, np.where(np.isfinite(energies), energies, np.inf).tolist(), strict=True))
        if start == 0:
            error = abs(calculator.evaluate(space.structure(chunk[0])).energy - known[chunk[0]])
            if error > AGREES:
                raise ArithmeticError(f"{host.name}: energies of a batch are off by {error:.2g} eV")
        done = sorted(known)
        write_surface(host.file, done, [known[each] for each in done], provenance)
        count = start + len(chunk)
        pace, used = (time.perf_counter() - begun) / count, (time.process_time() - spent) / count
        print(f"{host.name}: {len(known)} of {len(ids)}, {pace:.2f} s and {used:.2f} core-seconds each", flush=True)


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paths.exhaustive", description=__doc__)
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST", help=f"of {', '.join(host.name for host in (*HOSTS, *TUNING))}; default: all"
    )
    chosen = set(parser.parse_args().hosts) or {host.name for host in (*HOSTS, *TUNING)}
    SURFACES.mkdir(exist_ok=True)
    for host in (*HOSTS, *TUNING):
        if host.name in chosen:
            compute(host, ChgnetSpec())


if __name__ == "__main__":
    main()
