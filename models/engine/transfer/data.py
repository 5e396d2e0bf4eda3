"""Transfer sources of the engine: observed candidates with features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.records import JsonDict

KEY = "transfer"
"""Key of a refit for the data of transfer."""

_LOW_SHARE = 5


@dataclass(frozen=True)
class SourceData:
    """Observations of one source.

    Attributes:
        name: How it is shown.
        pool: Its observed candidates and nothing else.
        values: Their objective, oriented so that smaller is better [objective's unit], shape ``(n,)``.
    """

    name: str
    pool: CandidatePool
    values: FloatArray

    @cached_property
    def sha256(self) -> str:
        """Content hash of everything a model sees of it."""
        return content_hash(self.to_json())

    def to_json(self) -> JsonDict:
        """Plain data with exact floats."""
        pool = self.pool
        return {
            "schema_version": 1,
            "name": self.name,
            "ids": pool.ids.tolist(),
            "systems": list(pool.systems),
            "system_codes": pool.system_codes.tolist(),
            "surfaces": list(pool.surfaces),
            "surface_codes": pool.surface_codes.tolist(),
            "groups": {
                name: {
                    "values": group.values.tolist(),
                    "index": group.index.tolist(),
                    "columns": list(group.columns),
                    **({"categorical": True} if group.categorical else {}),
                    **({"mixed": True} if group.mixed else {}),
                }
                for name, group in pool.groups.items()
            },
            "values": self.values.tolist(),
        }

    @classmethod
    def from_json(cls, data: JsonDict) -> SourceData:
        """Inverse of :meth:`to_json`."""
        groups = {
            name: FeatureGroup(
                name,
                np.asarray(group["values"], dtype=np.float64).reshape(-1, len(group["columns"])),
                np.asarray(group["index"], dtype=np.intp),
                tuple(group["columns"]),
                bool(group.get("categorical", False)),
                mixed=bool(group.get("mixed", False)),
            )
            for name, group in data["groups"].items()
        }
        pool = CandidatePool(
            ids=np.asarray(data["ids"], dtype=np.str_),
            systems=tuple(data["systems"]),
            system_codes=np.asarray(data["system_codes"], dtype=np.intp),
            surfaces=tuple(data["surfaces"]),
            surface_codes=np.asarray(data["surface_codes"], dtype=np.intp),
            groups=groups,
            cost=np.ones(len(data["ids"])),
        )
        return cls(data["name"], pool, np.asarray(data["values"], dtype=np.float64))


class Sources(Protocol):
    """Provider of a proposer's source data."""

    def take(self) -> tuple[SourceData, ...]:
        """Returns the present data of the sources, and keeps them where :meth:`at` finds them again before this returns."""
        ...

    def at(self, sha256: Sequence[str]) -> tuple[SourceData, ...]:
        """Returns data that were taken before, by content. Raises NotFoundError."""
        ...


class FrozenSources:
    """Sources that never change.

    Args:
        data: One value per source.
    """

    def __init__(self, data: Sequence[SourceData]) -> None:
        self._data = tuple(data)

    def take(self) -> tuple[SourceData, ...]:
        """Returns the present data of the sources, and keeps them where :meth:`at` finds them again before this returns."""
        return self._data

    def at(self, sha256: Sequence[str]) -> tuple[SourceData, ...]:
        """Returns data that were taken before, by content. Raises NotFoundError."""
        if tuple(sha256) != tuple(item.sha256 for item in self._data):
            raise NotFoundError(f"transfer: the sources have other content than {', '.join(sha256) or 'none'}")
        return self._data


def observed_source(
    name: str, pool: CandidatePool, positions: IntArray, values: FloatArray, direction: str, most: int
) -> SourceData:
    """Source data from some candidates of a pool.

    Of more than ``most``, the lowest fifth of ``most`` and an even choice by rank of the others are kept: the
    selection does not bias a Gaussian process, and a search concerns the low end.

    Args:
        name: How it is shown.
        positions: Those with a value, shape ``(n,)``.
        values: Their values as computed, shape ``(n,)``.
        direction: ``maximize`` flips their sign.
        most: Most candidates kept.
    """
    oriented = values if direction == "minimize" else -values
    if len(positions) > most:
        rank = np.argsort(oriented, kind="stable")
        low = most // _LOW_SHARE
        spread = np.linspace(low, len(rank) - 1, most - low).round().astype(np.intp)
        kept = np.concatenate([rank[:low], rank[spread]])
        positions, oriented = positions[kept], oriented[kept]
    order = np.argsort(positions)
    chosen = part(pool, positions[order])
    return SourceData(name, replace(chosen, cost=np.ones(len(order))), oriented[order])


def part(pool: CandidatePool, positions: IntArray) -> CandidatePool:
    """Some candidates of a pool as a pool of their own.

    Args:
        positions: Ascending, shape ``(n,)``.
    """
    systems, system_codes = np.unique(pool.system_codes[positions], return_inverse=True)
    surfaces, surface_codes = np.unique(pool.surface_codes[positions], return_inverse=True)
    return CandidatePool(
        ids=pool.ids[positions],
        systems=tuple(pool.systems[code] for code in systems),
        system_codes=system_codes.astype(np.intp),
        surfaces=tuple(pool.surfaces[code] for code in surfaces),
        surface_codes=surface_codes.astype(np.intp),
        groups={
            name: replace(
                FeatureGroup.compact(name, group.values, group.index[positions], group.columns, categorical=group.categorical),
                mixed=group.mixed,
            )
            for name, group in pool.groups.items()
        },
        cost=pool.cost[positions],
    )
