import sys

import numpy as np
import pytest
from pydantic import TypeAdapter

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.kernel import KernelSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.cross import CachedRows, cross_covariance
from tansaku.models.engine.device import DeviceRows, resolve_device
from tansaku.models.engine.grammar import compile_kernel
from tansaku.models.engine.kernels import covariance, expand
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.proposer_registry import build_proposer

POINTS = [3, 0, 7, 7, 10, 11]
EVERY_KIND = {
    "type": "sum",
    "terms": [
        {"type": "product", "factors": [{"type": "task", "rank": 2}, {"type": "matern32"}]},
        {"type": "matern12", "combine": "sum"},
        {"type": "matern52"},
        {"type": "rbf", "ard": True},
        {"type": "periodic", "over": "*", "period": 0.7},
        {"type": "categorical", "over": "*", "combine": "sum"},
        {"type": "same", "of": "surface"},
        {"type": "linear"},
        {"type": "constant"},
    ],
}


def _terms(pool, spec=EVERY_KIND):
    terms = expand(compile_kernel(TypeAdapter(KernelSpec).validate_python(spec), pool))
    return terms, {name: prior.centre for name, prior in default_priors(pool, terms).items()}


def _agrees_with_numpy(pool, device):
    terms, parameters = _terms(pool)
    expected = covariance(terms, pool, parameters, np.array(POINTS), np.arange(len(pool)))
    weights = np.random.default_rng(0).normal(size=(len(POINTS), 3))
    matrix = covariance(terms, pool, parameters, np.array(POINTS), np.array(POINTS)) + 0.1 * np.eye(len(POINTS))
    lower = np.linalg.cholesky(matrix)
    explained = np.square(np.linalg.solve(lower, expected)).sum(axis=0)
    for limit in (2**30, 0, 8 * len(pool) * 2):
        cross = DeviceRows(pool, terms, parameters, device, limit)
        for i, point in enumerate(POINTS):
            assert np.allclose(cross.append(point), expected[i, POINTS[:i]], rtol=0, atol=1e-10)
        assert np.allclose(cross.weighted(weights), weights.T @ expected, rtol=0, atol=1e-10)
        assert np.allclose(cross.explained(lower), explained, rtol=0, atol=1e-9)
        cross.truncate(2)
        cross.append(5)
        again = covariance(terms, pool, parameters, np.array([*POINTS[:2], 5]), np.arange(len(pool)))
        assert np.allclose(cross.weighted(weights[:3]), weights[:3].T @ again, rtol=0, atol=1e-10)


def _sequence(pool, values, spec, device):
    """A short search; fits are numpy's on every device."""
    proposer = build_proposer(spec, device=device)
    chosen, at, fitted = [], [], None
    for number in range(1, 17):
        history = History(np.array(chosen, dtype=np.intp), values[chosen])
        if number > proposer.initial_count(pool) and proposer.refit_due(len(chosen), at):
            fitted = proposer.fit(pool, history, fitted)
            at.append(len(chosen))
        chosen.append(proposer.propose(pool, history, number, proposal_rng(0, number), fitted).position)
    return chosen


def _same_proposals(pool, device):
    rng = np.random.default_rng(4)
    values = rng.normal(size=len(pool)).cumsum() + 20.0 * pool.system_codes
    for spec in (GPProposerSpec(), GPProposerSpec(acquisition="log_ei", kernel=EVERY_KIND)):
        assert _sequence(pool, values, spec, device) == _sequence(pool, values, spec, "numpy")


def test_covariances_are_numpys(any_pool, require):
    require("torch")
    _agrees_with_numpy(any_pool, "cpu")


def test_proposals_are_numpys(grid_pool, scattered_pool, require):
    require("torch")
    for pool in (grid_pool, scattered_pool):
        _same_proposals(pool, "cpu")


@pytest.mark.gpu
def test_a_gpu_makes_the_same_covariances_and_proposals(grid_pool, scattered_pool):
    for pool in (grid_pool, scattered_pool):
        _agrees_with_numpy(pool, "cuda")
        _same_proposals(pool, "cuda")


def test_the_device_decides_who_computes(scattered_pool, require):
    require("torch")
    terms, parameters = _terms(scattered_pool)
    assert isinstance(cross_covariance(scattered_pool, terms, parameters, device="cpu"), DeviceRows)
    assert isinstance(cross_covariance(scattered_pool, terms, parameters), CachedRows)


def test_numpy_never_imports_torch(grid_pool):
    before = set(sys.modules)
    assert resolve_device("numpy") == "numpy"
    build_proposer(GPProposerSpec(), device="numpy")
    assert not any(name.split(".")[0] == "torch" for name in set(sys.modules) - before)


def test_what_is_missing_is_named(monkeypatch, require):
    require("torch")
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "numpy"
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(MissingComponentError, match=r"engine\.device: cuda, but torch sees no CUDA device"):
        build_proposer(GPProposerSpec(), device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == "cuda"
    monkeypatch.setattr("tansaku.models.engine.device.find_spec", lambda name: None)
    assert resolve_device("auto") == "numpy"
    for name in ("cpu", "cuda"):
        with pytest.raises(MissingComponentError, match=f"{name} needs torch.*\n.*torch"):
            resolve_device(name)
