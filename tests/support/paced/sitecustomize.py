"""Paces ASE's EMT in every Python process that has this folder and the repository on its PYTHONPATH; see ``paced_emt.py``."""

from __future__ import annotations

import sys


class _Pace:
    """Waits for the import of the product's module that opens ASE's calculators, so that no other process imports ASE."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "tansaku.calculators.engines.ase_named":
            sys.meta_path.remove(self)
            from tests.support.paced_emt import pace

            pace()


sys.meta_path.insert(0, _Pace())
