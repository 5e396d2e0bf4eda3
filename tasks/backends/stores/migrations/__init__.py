"""Steps between schema versions: pure functions from the old document to the new one, by collection.

Version 1 is the first that was released, so no step is registered yet. A step from version v is added as module
``v{v}_to_v{v+1}.py`` and put into ``MIGRATIONS`` under v; it stays for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tansaku.models.domain.records import JsonDict


@dataclass(frozen=True)
class Migration:
    """One step.

    Attributes:
        to_version: Version of the documents it makes.
        documents: By collection, the pure function from an old document to the new one. It keeps ``_id`` and need not
            touch ``schema_version``. Collections without one only get the new version number.
    """

    to_version: int
    documents: Mapping[str, Callable[[JsonDict], JsonDict]]


MIGRATIONS: dict[int, Migration] = {}
"""All steps by the version they start from."""
