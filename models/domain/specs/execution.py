"""Execution of a campaign's evaluations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import LONGEST_TIME, Spec, Timeout


class ExecutionSpec(Spec):
    """Execution of evaluations.

    Attributes:
        asynchrony: ``ordered``: proposals depend on nothing but the results; ``free``: use all that has finished.
        in_flight: Evaluations in progress at once.
        timeout: Wall time of one attempt [s].
        retries: Further attempts after plumbing failures.
        retry_backoff: Wait before the first further attempt, doubled for each next one [s].
        polish: Best candidates per system that are relaxed again with free translation and zero normal stress at the end; 0, if
            the file does not say, where there is no final relaxation.
        polish_fmax: Largest force on an atom at convergence of the final relaxation [eV/Å], at most that of the search. null:
            where the search is rougher than the default of the calculator's type (0.001 for most), that default, filled in when
            a file is loaded; else, with density-functional theory, and in campaigns that were stored before this key, that of
            the search. A final relaxation that is stricter has at least the steps that are the type's default.
    """

    asynchrony: Literal["ordered", "free"] = "ordered"
    in_flight: Annotated[int, Field(ge=1, le=10_000)] = 2
    timeout: Timeout = 600.0
    retries: Annotated[int, Field(ge=0, le=100)] = 3
    retry_backoff: Annotated[float, Field(ge=0, le=LONGEST_TIME)] = 5.0
    polish: Annotated[int, Field(ge=0, le=100)] = 3
    polish_fmax: Annotated[float, Field(ge=1e-6)] | None = None

    def without_polish(self, what: str) -> ExecutionSpec:
        """The same, for something that has no final relaxation.

        Args:
            what: Named in the error.

        Raises:
            ValueError: The file asks for one.
        """
        if self.polish and "polish" in self.model_fields_set:
            raise ValueError(f"execution.polish: {what} has no final relaxation; expected 0")
        if self.polish_fmax is not None:
            raise ValueError(f"execution.polish_fmax: {what} has no final relaxation; remove it")
        return self.model_copy(update={"polish": 0})
