"""CHGNet on the same data: pretrained, and trained further with its package's own trainer."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from chgnet.data.dataset import StructureData, collate_graphs
from chgnet.model.model import CHGNet
from chgnet.trainer.trainer import Trainer
from pymatgen.core.structure import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from torch.utils.data import DataLoader

from benchmarks.potential.fits import judged
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Estimate, Example, Prediction
from tansaku.potentials.network.training import set_aside

Result = TypeVar("Result")
_Loader: TypeAlias = "DataLoader[Any]"

_BATCH = 16
_RATE = 1e-3
_FORCES = 0.1
"""Weight of squared errors of forces beside those of energies per atom [Å²]; of 0.01, 0.1 and 1 our choice."""


def chgnet(training: Sequence[Example], held_out: Sequence[Example], epochs: int) -> JsonDict:
    """The pretrained network, with its zero of energy shifted to that of the data, before and after further training.

    Args:
        training: To learn from; groups set aside choose the pass whose weights are kept.
        held_out: To judge by.
        epochs: Passes through the data.

    Returns:
        ``chgnet_as_it_is`` and ``chgnet_trained_on``: seconds, and errors on what is held out.
    """
    torch.manual_seed(0)
    begun = time.perf_counter()
    model = _quietly(lambda: CHGNet.load(use_device="cpu", verbose=False))
    offset = _offset(model, training)
    found = {"chgnet_as_it_is": {"seconds": time.perf_counter() - begun, "held_out": _errors(model, held_out, offset)}}
    begun = time.perf_counter()
    aside = set_aside(training, 0.1, 0)
    learned, judging = list(compress(training, ~aside)), list(compress(training, aside))
    best = _trained(model, _loader(learned, offset, shuffle=True), _loader(judging, offset, shuffle=False), epochs)
    seconds = time.perf_counter() - begun
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return found | {
        "chgnet_trained_on": {
            "seconds": seconds,
            "epochs": epochs,
            "parameters": parameters,
            "held_out": _errors(best, held_out, offset),
        }
    }


def _trained(model: CHGNet, training: _Loader, aside: _Loader, epochs: int) -> CHGNet:
    """Weights of the pass with the smallest error of energies on the groups set aside."""
    trainer = Trainer(
        model,
        targets="ef",
        force_loss_ratio=_FORCES,
        learning_rate=_RATE,
        epochs=epochs,
        torch_seed=0,
        data_seed=1,
        use_device="cpu",
        print_freq=10**9,
    )
    with tempfile.TemporaryDirectory() as folder:
        _quietly(lambda: trainer.train(training, aside, save_dir=folder))
        kept = next(Path(folder).glob("bestE_*"))
        return _quietly(lambda: CHGNet.from_file(str(kept)))


def _structure(example: Example) -> Structure:
    return AseAtomsAdaptor.get_structure(example.structure)


def _loader(examples: Sequence[Example], offset: float, *, shuffle: bool) -> _Loader:
    structures = [_structure(example) for example in examples]
    energies = [float(example.properties["energy"]) / len(example.structure) - offset for example in examples]
    forces = [example.properties["forces"].tolist() for example in examples]
    data = _quietly(lambda: StructureData(structures, energies, forces))
    return DataLoader(data, batch_size=_BATCH, shuffle=shuffle, collate_fn=collate_graphs)


def _said(model: CHGNet, examples: Sequence[Example]) -> list[dict[str, FloatArray]]:
    """Energies per atom and forces; the package gives arrays where its types say tensors."""
    said = model.predict_structure([_structure(example) for example in examples], task="ef", batch_size=_BATCH)
    return [{name: np.asarray(item[name]) for name in "ef"} for item in (said if isinstance(said, list) else [said])]


def _offset(model: CHGNet, examples: Sequence[Example]) -> float:
    """Zero of energy of the data relative to that of the network [eV/atom]."""
    known = [float(example.properties["energy"]) / len(example.structure) for example in examples]
    return float(np.mean(known) - np.mean([float(item["e"]) for item in _said(model, examples)]))


def _errors(model: CHGNet, held_out: Sequence[Example], offset: float) -> JsonDict:
    predictions: list[Prediction] = [
        {"energy": Estimate(np.asarray((float(said["e"]) + offset) * len(item.structure))), "forces": Estimate(said["f"])}
        for item, said in zip(held_out, _said(model, held_out), strict=True)
    ]
    return judged(held_out, predictions)


def _quietly(call: Callable[[], Result]) -> Result:
    """Suppresses the output of the package."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()
