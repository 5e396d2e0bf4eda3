"""The user on whose behalf tests give commands."""

from __future__ import annotations

from tansaku.tasks.act.commands.actor import Actor

ADA = Actor("ada", "test")
