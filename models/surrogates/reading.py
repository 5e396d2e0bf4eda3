"""Reading of stored weights, common to all surrogates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.surrogates import Weights


@contextmanager
def reading(weights: Weights, kind: str, newest: int) -> Iterator[None]:
    """Checks the version of weights; errors of missing or wrong content within become a StoreError about damage.

    Args:
        kind: The surrogate, for messages.
        newest: Version of the format that is read.

    Raises:
        StoreError: They are of a newer version, or something of them is missing.
    """
    version = weights.document.get("schema_version")
    if version != newest:
        raise StoreError(
            f"weights of {kind} have schema version {version}, this tansaku reads up to {newest}",
            hint="use the newer tansaku that wrote them",
        )
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"weights of {kind} are damaged: {error}") from error
