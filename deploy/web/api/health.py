"""Whether the process answers, for supervisors."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()


@router.get("/health/live")
def live() -> dict[str, str]:
    """Says that the process answers; it asks nobody else and tells nothing."""
    return {"status": "live"}
