"""Whole evaluations of a campaign for those who look at a few of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Evaluation

_MOST = 200


class KeptEvaluations:
    """Whole evaluations of a campaign, read when they are asked for; the last ones are kept. Safe between threads.

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
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
