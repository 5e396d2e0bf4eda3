"""Roles of users, and those of members in projects; they include each other. Commands import them: little is imported here."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Ranked(StrEnum):
    """Roles, each of which includes the rights of those before it."""

    def includes(self, other: Self) -> bool:
        """Returns whether this role has all rights of ``other``."""
        order = list(type(self))
        return order.index(self) >= order.index(other)


class Role(Ranked):
    """Role of a user; each role includes the rights of those before it."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class ProjectRole(Ranked):
    """Role of a member in a project; each includes the rights of those before it. No role allows more than the user's own."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"
