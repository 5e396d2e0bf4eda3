"""A campaign that an export is made of."""

from tests.unit.tasks.backends.stores.conftest import searched as searched
