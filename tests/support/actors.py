"""The user on whose behalf tests give commands."""

from __future__ import annotations

from tansaku.tasks.commands.actor import Actor

ADA = Actor("ada", "test")
