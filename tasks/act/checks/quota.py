"""Quotas of projects: what their campaigns may spend together. Nothing is spent before it is checked here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from tansaku.models.domain.accounts import Accounts
from tansaku.models.domain.errors import InvalidSpecError, NotFoundError, SpecProblem, StoreError
from tansaku.models.domain.history import HOUR
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.projects import Project
from tansaku.models.domain.records import CampaignRecord, Record
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.tasks.backends.stores.campaigns import awaited_spec
from tansaku.tasks.ground.formats.validation import dotted
from tansaku.tasks.ground.formats.yaml_text import KeyPath
from tansaku.tasks.read.views.budget import Spent
from tansaku.tasks.read.views.readings import Readings


class Taken(Record):
    """The part of a quota that campaigns have: of each its limit, or what it has spent where that is more.

    Attributes:
        core_hours: Computing time [core-hours].
    """

    evaluations: int = 0
    core_hours: float = 0.0


@dataclass(frozen=True)
class Quotas:
    """Accounts for the quotas of projects.

    Attributes:
        accounts: Projects.
        readings: What they have spent.
    """

    accounts: Accounts
    store: CampaignStore
    readings: Readings

    def taken(self, project: Project, without: str = "") -> Taken:
        """Adds up what the campaigns of a project have of its quota; those that cannot be read have nothing.

        Args:
            without: Id of a campaign that is left out.
        """
        found = []
        for identifier in sorted(self.accounts.placed_in([project.name]) - {without}):
            with suppress(NotFoundError, StoreError):
                found.append(self._taken_by(self.store.campaign_of(identifier)))
        return Taken(evaluations=sum(item.evaluations for item in found), core_hours=sum(item.core_hours for item in found))

    def problems(self, project: Project, record: CampaignRecord, budget: BudgetSpec) -> list[tuple[KeyPath, str]]:
        """Keys of a campaign's budget that are beyond what is left of a project's quota, with the reasons."""
        if not project.quota:
            return []
        taken = self.taken(project, record.id)
        limits: tuple[tuple[str, str, float | None, float | None, float], ...] = (
            ("evaluations", "evaluations", budget.evaluations, project.quota.evaluations, taken.evaluations),
            ("core_hours", "core-hours", budget.core_hours, project.quota.core_hours, taken.core_hours),
        )
        return [
            (("budget", key), _reason(project.name, unit, wanted, most, others))
            for key, unit, wanted, most, others in limits
            if most is not None and (wanted is None or others + wanted > most)
        ]

    def problems_now(self, record: CampaignRecord) -> list[tuple[KeyPath, str]]:
        """The same for a stored campaign and its project, with the edits that no driver has applied yet."""
        name = self.accounts.project_of(record.id)
        project = None if name is None else self.accounts.project(name)
        return [] if project is None or not project.quota else self.problems(project, record, awaited_spec(record).budget)

    def _taken_by(self, record: CampaignRecord) -> Taken:
        budget, spent = awaited_spec(record).budget, Spent.by(self.readings.reading(record.name), None)
        return Taken(
            evaluations=max(budget.evaluations or 0, spent.evaluations),
            core_hours=max(budget.core_hours or 0.0, spent.time.core_seconds / HOUR),
        )


def raised(problems: list[tuple[KeyPath, str]], before: BudgetSpec, after: BudgetSpec) -> list[tuple[KeyPath, str]]:
    """Returns the problems whose key an edit raises or removes: a smaller limit is never refused."""

    def grows(key: str) -> bool:
        old, new = getattr(before, key), getattr(after, key)
        return old is not None if new is None else old is None or new > old

    return [(path, message) for path, message in problems if grows(str(path[-1]))]


def refuse(problems: list[tuple[KeyPath, str]]) -> None:
    """Raises InvalidSpecError where there are problems."""
    if problems:
        found = [SpecProblem(dotted(path), None, message) for path, message in problems]
        raise InvalidSpecError("\n".join(map(str, found)), found)


def _reason(project: str, unit: str, wanted: float | None, most: float, others: float) -> str:
    quota = f"project {project!r} has a quota of {most:,g} {unit}"
    if wanted is None:
        return f"missing; {quota}, so each of its campaigns needs a limit"
    left = max(0.0, most - others)
    return f"{wanted:,g}; {quota}, of which its other campaigns have {others:,g}; expected at most {left:,g}"
