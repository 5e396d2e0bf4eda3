"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, singular: str, many: str | None = None) -> str:
    """A number with its noun: ``1 surface``, ``1,200 surfaces``, ``0 boundaries``.

    Args:
        number: How many.
        one: The noun's singular.
        many: Its plural; None: the singular with an s.
    """
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"
