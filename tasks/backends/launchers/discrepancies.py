"""Differences found by comparing folder, LaunchPad and scheduler of a site."""

from __future__ import annotations

from tansaku.models.domain.records import Record


class Discrepancy(Record):
    """A difference between two of them.

    Attributes:
        case: Its kind, in a word.
        subject: Job, launch, Firework or evaluation.
        says: What was found.
        done: The action taken, or in a dry run the one that would be; empty where none is certain.
        hint: What a user can do or wait for.
    """

    case: str
    subject: str
    says: str
    done: str = ""
    hint: str = ""

    def describe(self, *, dry_run: bool) -> str:
        """Describes the difference in one line."""
        what = self.hint or "not changed"
        if self.done:
            what = f"would be {self.done}" if dry_run else self.done
        return f"{self.case}: {self.subject}: {self.says}; {what}"
