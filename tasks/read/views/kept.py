"""Values that many readers of one campaign ask for, made or read once. Safe between threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar, cast

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Evaluation

_MOST_WHOLE = 200

Made = TypeVar("Made")


@dataclass
class _Slot:
    """An entry that one thread makes while the others wait."""

    lock: Lock = field(default_factory=Lock)
    done: bool = False
    made: Any = None


class Once:
    """Cache that computes each entry at its first request.

    Args:
        known: Entries that were made before.
    """

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._lock = Lock()
        self._slots: dict[object, _Slot] = {key: _Slot(done=True, made=made) for key, made in (known or {}).items()}

    def get(self, key: object, make: Callable[[], Made]) -> Made:
        """Returns the entry of a key, made if it is missing while others wait. After an error the next caller tries again.

        Args:
            make: Makes it; it may ask for other keys.
        """
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        if not slot.done:
            with slot.lock:
                if not slot.done:
                    slot.made, slot.done = make(), True
        return cast(Made, slot.made)


class KeptEvaluations:
    """Whole evaluations of a campaign, read when they are asked for; the last 200 are kept.

    Args:
        store: Where they are.
        name: Of the campaign.
    """

    def __init__(self, store: CampaignStore, name: str) -> None:
        self._store = store
        self._name = name
        self._lock = Lock()
        self._kept: OrderedDict[int, Evaluation] = OrderedDict()

    def numbered(self, numbers: Sequence[int]) -> list[Evaluation]:
        """Evaluations of some proposal numbers, in the order of the numbers; those that are gone are left out.

        Raises:
            StoreError: One of them cannot be read.
        """
        with self._lock:
            found = {number: self._kept[number] for number in numbers if number in self._kept}
        missing = [number for number in numbers if number not in found]
        read = self._store.numbered(self._name, missing) if missing else []
        self.note(read)
        found |= {item.proposal.number: item for item in read}
        return [found[number] for number in numbers if number in found]

    def note(self, evaluations: Sequence[Evaluation]) -> None:
        """Keeps evaluations as they now are."""
        with self._lock:
            for item in evaluations:
                self._kept[item.proposal.number] = item
                self._kept.move_to_end(item.proposal.number)
            while len(self._kept) > _MOST_WHOLE:
                self._kept.popitem(last=False)
