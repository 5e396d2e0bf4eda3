"""The growing campaign of the tests of retraining."""

from tests.unit.tasks.loop.retraining.conftest import computed, growing

__all__ = ["computed", "growing"]
