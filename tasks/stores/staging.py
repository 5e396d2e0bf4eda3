"""Replaces several collections atomically: they are filled under other names, then renamed.

Until the mark is written the database has only its old content. Afterwards, the next process that opens the database
completes the renaming, so that no process ever sees a mixture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

STAGED = "restoring."
"""Prefix of the names of collections until they are complete."""

MARK = "restoring"
_SWAP = "swap"
_NO_SUCH_COLLECTION = 26


def is_staging(name: str) -> bool:
    """Whether a collection is part of a restore and not of the data."""
    return name == MARK or name.startswith(STAGED)


def begin(database: Database[dict[str, Any]], indexes: dict[str, Iterable[IndexModel]]) -> None:
    """Removes the remains of an interrupted restore and creates empty collections with their indexes.

    Args:
        indexes: By collection; documents that break a unique one are refused before the swap.
    """
    abandon(database)
    for name, several in indexes.items():
        database.create_collection(f"{STAGED}{name}")
        if models := list(several):
            database[f"{STAGED}{name}"].create_indexes(models)


def abandon(database: Database[dict[str, Any]]) -> None:
    """Removes the staged collections."""
    for name in database.list_collection_names():
        if name.startswith(STAGED):
            database.drop_collection(name)


def swap(database: Database[dict[str, Any]], replaced: Iterable[str]) -> None:
    """Replaces the old collections by the staged ones.

    Args:
        replaced: Collections that go, unless a staged one takes their place.
    """
    staged = [name.removeprefix(STAGED) for name in database.list_collection_names() if name.startswith(STAGED)]
    mark = {"_id": _SWAP, "staged": staged, "dropped": [name for name in replaced if name not in staged]}
    database[MARK].insert_one(mark)
    finish(database)


def finish(database: Database[dict[str, Any]]) -> None:
    """Completes an interrupted swap, if there is one; several processes may do so at once."""
    mark = database[MARK].find_one({"_id": _SWAP})
    if mark is None:
        return
    for name in mark["staged"]:
        try:
            database[f"{STAGED}{name}"].rename(name, dropTarget=True)
        except OperationFailure as error:
            if error.code != _NO_SUCH_COLLECTION:
                raise
    for name in mark["dropped"]:
        database.drop_collection(name)
    database.drop_collection(MARK)
