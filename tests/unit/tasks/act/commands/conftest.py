"""A campaign that an export is made of, and what a store and its artifacts hold."""

from tests.unit.tasks.backends.stores.conftest import contents as contents
from tests.unit.tasks.backends.stores.conftest import searched as searched
