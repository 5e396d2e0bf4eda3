"""Python functions as calculators: ``tansaku.optimize``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Unpack

from tansaku.deploy.python.campaign import Campaign
from tansaku.deploy.python.parts import Proposer, Section, Space
from tansaku.deploy.python.sources import function_calculator
from tansaku.models.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from tansaku.deploy.python.constructors import CampaignKeys
    from tansaku.deploy.python.sources import Function
    from tansaku.models.engine.own import AcquisitionFunction


def optimize(
    function: Function,
    space: Space | Mapping[str, object],
    objective: Section | Mapping[str, object] | None = None,
    budget: int | Section | Mapping[str, object] | None = None,
    *,
    proposer: Proposer | Mapping[str, object] | str | None = None,
    acquisition: AcquisitionFunction | None = None,
    name: str | None = None,
    store: Literal["database"] | None = "database",
    **keys: Unpack[CampaignKeys],
) -> Campaign:
    """Searches for the best value of a Python function, which worker processes of this machine compute.

    The same script, run again after it was killed, continues: finished values are kept, and what workers still compute is
    adopted. The campaign keeps a copy of the function's file; with another copy it is refused.

    Args:
        function: Takes the parameters of a candidate as keywords; returns a number [the objective's unit], or a mapping of all
            quantities by name. An exception is a failed evaluation.
        space: What is searched.
        objective: What is wanted; None: the default of a campaign file.
        budget: What may be spent: a number of evaluations, or ``tansaku.Budget(...)``.
        proposer: As of :class:`tansaku.Campaign`, as are ``acquisition``, ``name``, ``store`` and errors.
        keys: Other keys of a campaign file, such as ``execution``, whose ``in_flight`` is the number of workers.

    Returns:
        The campaign, which has ended: ``.best``, ``.frame``.

    Raises:
        ConfigurationError: The workers could not import the function, or another calculator is given.
    """
    if "calculator" in keys:
        raise ConfigurationError("calculator: it is the function; expected no other")
    campaign = Campaign(
        space,
        objective,
        budget,
        proposer=proposer,
        acquisition=acquisition,
        calculator=function_calculator(function, "function"),
        name=name,
        store=store,
        **keys,
    )
    campaign.run()
    return campaign


optimize.__defaults__ = (None, None, None)  # as of Campaign
