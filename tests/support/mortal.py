"""A training that is killed: what stands for the kill, and checkpoints that bring it about."""

from __future__ import annotations

from tansaku.models.domain.surrogates import Checkpoints, Weights


class KilledError(Exception):
    """What stands for a kill."""


class Mortal:
    """Checkpoints of a process that is killed right after it wrote some number of them."""

    def __init__(self, inner: Checkpoints, lives: int) -> None:
        self.inner, self.lives = inner, lives

    def save(self, weights: Weights) -> None:
        self.inner.save(weights)
        self.lives -= 1
        if self.lives == 0:
            raise KilledError

    def load(self) -> Weights | None:
        return self.inner.load()
