"""Parallel run of a calculator's program on the cores of a job."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from tansaku.models.domain.specs.base import PositiveInt, Spec

ProgramName = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_./+-]{1,200}|[a-z][A-Za-z0-9_.-]{1,40})$")]
"""Absolute path of a program, or its name on PATH; neither blanks nor anything that a shell reads."""


class ParallelSpec(Spec):
    """Ranks and threads of one evaluation by a DFT code.

    Attributes:
        ranks: MPI ranks.
        threads: Threads of each rank.
        mpiexec: Program that starts ranks by ``-n``, e.g. ``mpiexec`` or ``srun``; it must belong to the MPI that the
            code was built with.
    """

    ranks: PositiveInt = 1
    threads: PositiveInt = 1
    mpiexec: ProgramName = "mpiexec"

    @property
    def cores(self) -> int:
        """Cores in use."""
        return self.ranks * self.threads


SERIAL = ParallelSpec()
