"""Peers by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.ports import Proposer
from tansaku.peers.proposer import JointOptimiser, Optimiser, PoolPeer, SystemPeer

PACKAGES = {
    "physbo": "physbo",
    "botorch-single": "botorch",
    "botorch-multi": "botorch",
    "optuna-tpe": "optuna",
    "optuna-gp": "optuna",
    "baybe": "baybe",
    "sklearn": "sklearn",
    "ax": "ax",
    "emukit": "emukit",
}
"""Package that each peer imports."""

_BESIDE = {"emukit": "GPy"}
"""Further package that a peer needs here and its own package does not install."""

INSTALL_HINT = "pip install -c constraints.txt 'tansaku[bench]'"


def build_peer(name: str) -> Proposer:
    """Builds a peer.

    Args:
        name: One of :data:`PACKAGES`.

    Raises:
        MissingComponentError: Its package is not installed.
    """
    for package in (PACKAGES[name], _BESIDE.get(name, PACKAGES[name])):
        if find_spec(package) is None:
            raise MissingComponentError(
                f"method {name!r} needs the package {package!r}, which is not installed", hint=INSTALL_HINT
            )
    if name == "botorch-multi":
        return PoolPeer(name, _joint)
    return SystemPeer(name, _builder(name))


def _joint() -> JointOptimiser:
    from tansaku.peers.botorch import BotorchMultiTaskOptimiser

    return BotorchMultiTaskOptimiser()


def _builder(name: str) -> Callable[[], Optimiser]:
    match name:
        case "physbo":
            from tansaku.peers.physbo import PhysboOptimiser

            return PhysboOptimiser
        case "botorch-single":
            from tansaku.peers.botorch import BotorchOptimiser

            return BotorchOptimiser
        case "baybe":
            from tansaku.peers.baybe import BaybeOptimiser

            return BaybeOptimiser
        case "sklearn":
            from tansaku.peers.scikit import ScikitOptimiser

            return ScikitOptimiser
        case "ax":
            from tansaku.peers.ax import AxOptimiser

            return AxOptimiser
        case "emukit":
            from tansaku.peers.emukit import EmukitOptimiser

            return EmukitOptimiser
        case "optuna-tpe":
            from tansaku.peers.optuna import OptunaOptimiser

            return lambda: OptunaOptimiser("tpe")
        case _:
            from tansaku.peers.optuna import OptunaOptimiser

            return lambda: OptunaOptimiser("gp")
