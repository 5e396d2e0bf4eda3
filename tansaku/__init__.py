"""tansaku (探索): active-learning campaigns for materials.

``tansaku.open`` reads a stored campaign. ``tansaku.Campaign`` makes one in a script; its parts have constructors of the names
that a campaign file has, such as ``tansaku.Parameters`` and ``tansaku.maximize``. ``tansaku.connect`` opens those of a
dashboard.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tansaku.deploy.python.campaign import Campaign as Campaign
    from tansaku.deploy.python.constructors import *  # noqa: F403 - their names are those of the spec classes
    from tansaku.deploy.python.functions import optimize as optimize
    from tansaku.deploy.python.machine import connect as connect
    from tansaku.deploy.python.machine import connect_async as connect_async
    from tansaku.models.domain.errors import ConfigurationError as ConfigurationError
    from tansaku.models.domain.errors import NotFoundError as NotFoundError
    from tansaku.models.domain.errors import SpecChangedError as SpecChangedError
    from tansaku.models.domain.errors import StateError as StateError
    from tansaku.models.domain.errors import TansakuError as TansakuError
    from tansaku.models.domain.errors import TransientError as TransientError
    from tansaku.models.domain.pool import CandidatePool as CandidatePool
    from tansaku.models.engine.own import Observations as Observations
    from tansaku.models.engine.own import Posterior as Posterior
    from tansaku.tasks.act.measurements.campaign_view import CampaignView
    from tansaku_client import Candidate as Candidate
    from tansaku_client import Found as Found
    from tansaku_client import Proposed as Proposed

__version__ = "0.2.0"

_VIEW = "tansaku.tasks.act.measurements.campaign_view"
_CAMPAIGN = "tansaku.deploy.python.campaign"
_CONSTRUCTORS = "tansaku.deploy.python.constructors"
_ERRORS = ("ConfigurationError", "NotFoundError", "SpecChangedError", "StateError", "TansakuError", "TransientError")
_NAMES = {
    "Campaign": _CAMPAIGN,
    **dict.fromkeys(("connect", "connect_async"), "tansaku.deploy.python.machine"),
    "optimize": "tansaku.deploy.python.functions",
    "CandidatePool": "tansaku.models.domain.pool",
    "Observations": "tansaku.models.engine.own",
    "Posterior": "tansaku.models.engine.own",
    **dict.fromkeys(_ERRORS, "tansaku.models.domain.errors"),
    **dict.fromkeys(("Candidate", "Found", "Proposed"), "tansaku_client"),
}
_LOWER = ("maximize", "minimize", *_NAMES)


def open(name: str) -> CampaignView:  # noqa: A001 - the public name reads `tansaku.open("my-campaign")`
    """Opens a stored campaign for reading in a notebook.

    Args:
        name: Campaign name.

    Raises:
        NotFoundError: No campaign of this name is stored.
    """
    view: CampaignView = import_module(_VIEW).CampaignView.open(name)
    return view


def _imported(name: str) -> Any:  # noqa: ANN401 - classes and functions
    """Imports a public name when it is first used: a command starts without them."""
    if name[:1] == "_" or (name.islower() and name not in _LOWER):
        raise _unknown(name, _LOWER)
    # What imports make stays: to search it for garbage takes a fifth of their time.
    with import_module("tansaku.tasks.ground.site.garbage").collection_paused():
        module = import_module(_NAMES.get(name, _CONSTRUCTORS))
    if not hasattr(module, name):
        raise _unknown(name, (*_NAMES, *dir(module)))
    found = getattr(module, name)
    globals()[name] = found
    return found


if not TYPE_CHECKING:  # to a type checker every misspelt name would be one of any type
    __getattr__ = _imported


def _unknown(name: str, known: Iterable[str]) -> AttributeError:
    """The error for a name that is none, with the most similar one."""
    import difflib

    close = difflib.get_close_matches(name, known, n=1) if name[:1] != "_" else []
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES, *dir(import_module(_CONSTRUCTORS))})
