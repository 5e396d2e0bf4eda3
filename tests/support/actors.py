"""The user on whose behalf tests give commands."""

from tansaku.models.domain.authors import Actor

ADA = Actor("ada", "test")
