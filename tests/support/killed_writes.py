"""A process that is killed before or after one write of a store."""

from __future__ import annotations

from dataclasses import dataclass


class KilledError(BaseException):
    """What stands for a kill."""


@dataclass
class MortalStore:
    """A store whose process is killed before or after a write.

    Attributes:
        inner: The store.
        method: The write; None: nothing is killed.
        after: Whether the write is done first.
        error: What stands for the kill.
        hit: Whether the write was asked for.
    """

    inner: object
    method: str | None
    after: bool
    error: BaseException | type[BaseException] = KilledError
    hit: bool = False

    def __getattr__(self, name: str):
        found = getattr(self.inner, name)
        if name != self.method:
            return found

        def killed(*arguments: object) -> None:
            self.hit = True
            if self.after:
                found(*arguments)
            raise self.error

        return killed
