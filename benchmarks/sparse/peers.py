"""Supports by other programs, run with the Python of an environment that has them.

``python peers.py TABLES.npz METHOD SIZE LIMIT TOTAL FIRST``: tables from number FIRST on; one that takes over LIMIT seconds
is given up, and no further pair is begun after TOTAL seconds. Prints one JSON object for each pair: the columns chosen, null
for a table that was given up, and seconds of processor time. It imports nothing of the product.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import re
import sys
import time
from multiprocessing.connection import Connection

import numpy as np


def abess(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """Best subset by splicing, its size by abess's own information criterion."""
    from abess.linear import LinearRegression

    model = LinearRegression(support_size=range(size + 1))
    return np.flatnonzero(model.fit(x, y).coef_).tolist()


def l0bnb(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """Best subsets by branch and bound along a path of penalties; the size by BIC, since it has no criterion."""
    from l0bnb import fit_path

    found, n = [], len(y)
    for solution in fit_path(x, y, lambda_2=0.01, max_nonzeros=size):
        support = np.flatnonzero(solution["B"]).tolist()
        full = np.column_stack([np.ones(n), x[:, support]])
        rest = y - full @ np.linalg.lstsq(full, y, rcond=None)[0]
        found.append((n * np.log((rest**2).mean()) + len(support) * np.log(n), support))
    return min(found)[1]


def exhbma(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """The most probable model of all subsets, whatever their size."""
    from exhbma import ExhaustiveLinearRegression, StandardScaler, inverse

    del size
    x_scaler, y_scaler = StandardScaler(n_dim=2), StandardScaler(n_dim=1, scaling=False)
    x_scaler.fit(x)
    y_scaler.fit(y)
    model = ExhaustiveLinearRegression(inverse(np.logspace(-2.5, 0.5, 10)), inverse(np.logspace(-2.0, 1.0, 10)))
    model.fit(x_scaler.transform(x), y_scaler.transform(y), verbose=False)
    weights = np.array(model.log_priors_) + np.array(model.log_likelihoods_)
    return np.flatnonzero(model.indicators_[int(np.argmax(weights))]).tolist()


def sisso(x: np.ndarray, y: np.ndarray, size: int) -> list[int]:
    """SISSO (TorchSISSO) over columns and their products and squares, 20 screened for each term, up to three terms.

    The number of terms by BIC; more terms are not affordable, as all sets of the screened features are fitted. The columns are
    those of all chosen features.
    """
    import pandas as pd
    from TorchSisso import SissoModel

    frame = pd.DataFrame(np.column_stack([y, x]), columns=["y", *(f"x{number}" for number in range(x.shape[1]))])
    found, n = [], len(y)
    for terms in range(1, min(size, 3) + 1):
        with contextlib.redirect_stdout(io.StringIO()):
            error, equation, *_ = SissoModel(frame, operators=["*"], n_expansion=1, n_term=terms, k=20).fit()
        found.append((n * np.log(error**2) + terms * np.log(n), equation))
    return sorted({int(number) for number in re.findall(r"x(\d+)", min(found)[1])})


METHODS = {"abess": abess, "l0bnb": l0bnb, "exhbma": exhbma, "sisso": sisso}


def work(name: str, tables: Connection) -> None:
    """Answers tables with supports, None where the method fails, and seconds; a smaller table compiles what is compiled."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 7))
    answered(name, x, x[:, :3].sum(axis=1) + rng.normal(size=40), 3)
    tables.send("ready")
    while True:
        tables.send(answered(name, *tables.recv()))


def answered(name: str, x: np.ndarray, y: np.ndarray, size: int) -> tuple[list[int] | None, float]:
    """The support, or None, and seconds of processor time."""
    begun = time.process_time()
    try:
        support = [int(column) for column in METHODS[name](x, y, size)]
    except Exception as error:  # noqa: BLE001 - whatever another program raises, the next table is tried
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return None, time.process_time() - begun
    return support, time.process_time() - begun


class Worker:
    """A process that runs a method, started again after a table that took too long."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._tables, other = context.Pipe()
        self._process = context.Process(target=work, args=(self._name, other), daemon=True)
        self._process.start()
        other.close()
        self._tables.recv()

    def __call__(self, x: np.ndarray, y: np.ndarray, size: int, limit: float) -> tuple[list[int] | None, float]:
        """The support, or None, and seconds."""
        self._tables.send((x, y, size))
        if self._tables.poll(limit):
            support, seconds = self._tables.recv()
            return support, seconds
        self._process.kill()
        self._process.join()
        self._start()
        return None, limit


def main() -> None:
    """Runs a method on as many pairs of tables as fit into the time."""
    path, name, size, limit, total, first = sys.argv[1:]
    stored = np.load(path)
    worker, begun = Worker(name), time.monotonic()
    for number in range(int(first), int(stored["count"]), 2):
        if time.monotonic() - begun > float(total):
            break
        answers = [worker(stored[f"x{k}"], stored[f"y{k}"], int(size), float(limit)) for k in (number, number + 1)]
        supports, seconds = zip(*answers, strict=True)
        print(json.dumps({"supports": supports, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
