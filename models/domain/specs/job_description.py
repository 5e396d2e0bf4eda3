"""Jobs that compute candidates. The description of a space names those of its candidates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint

from tansaku.models.domain.door import kinds

_JOBS = "tansaku.tasks.node.jobs"


@dataclass(frozen=True)
class JobDescription:
    """One job; the description of a space names it in ``jobs``.

    Attributes:
        opener: Module and function, such as ``my_package.jobs:open_job``; called with the job's document and its folder, it
            returns what computes an ``Outcome``.
        resumes: Whether it begins from the relaxed structure of an earlier job of the candidate, if the document has one.
    """

    opener: str
    resumes: bool = False


BARRIER = JobDescription(f"{_JOBS}.barrier:open_barrier_job", resumes=True)
BINDING = JobDescription(f"{_JOBS}.binding:open_binding_job")
BOUNDARY = JobDescription(f"{_JOBS}.boundary:open_boundary_job", resumes=True)
ENERGY = JobDescription(f"{_JOBS}.energy:open_energy_job", resumes=True)
SEGREGATION = JobDescription(f"{_JOBS}.segregation:open_segregation_job")
COMPOUND_BOUNDARY = JobDescription(f"{_JOBS}.compound_boundary:open_compound_boundary_job", resumes=True)


@lru_cache(maxsize=1)
def jobs() -> dict[str, JobDescription]:
    """All jobs by name."""

    def check(entry: EntryPoint, found: object) -> JobDescription:
        if not isinstance(found, JobDescription):
            raise TypeError(f"{entry.value} is not a JobDescription")
        return found

    return kinds("workflows", check)
