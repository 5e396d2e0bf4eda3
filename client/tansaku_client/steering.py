"""The verbs that need nothing but candidates, the same for campaigns of this machine and of a dashboard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from tansaku_client.candidates import Candidate

Turn = Literal["pause", "resume", "cancel", "retry"]


class Steered(ABC):
    """A campaign that can be steered."""

    def pause(self) -> None:
        """Proposes nothing until :meth:`resume`. Raises StateError for one that has ended."""
        self._steer("pause")

    def resume(self) -> None:
        """Lifts a pause or a cancellation; `ask` or `run` continues."""
        self._steer("resume")

    def cancel(self) -> None:
        """Ends the campaign; :meth:`resume` reopens it. Raises StateError for one that has ended."""
        self._steer("cancel")

    def retry(self, *candidates: Candidate | str) -> None:
        """Has failed and cancelled evaluations done again, all or those named, when the campaign continues.

        Raises:
            NotFoundError: There is no evaluation of a candidate.
            StateError: Nothing has begun.
        """
        self._steer("retry", *candidates)

    @abstractmethod
    def _steer(self, kind: Turn, *candidates: Candidate | str) -> None:
        """Stores a command about some candidates, or about the campaign."""
