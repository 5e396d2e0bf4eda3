"""CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.

The package's own calculator prepares second derivatives at every call and goes back through the network twice, for forces and
for stress. Here energy, forces and stress come from one pass back and the same bits in a little more than half the time.
"""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from tansaku.calculators.engines.universal import DEVICE, UniversalCalculator, checked_weights, installed
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculator import ChgnetSpec

_WEIGHTS = {
    "0.3.0": (
        "pretrained/0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    ),
    "r2scan": (
        "pretrained/r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
    ),
}
_HEAVIEST = 94


def open_chgnet(spec: ChgnetSpec) -> UniversalCalculator:
    """Makes the calculator; torch is not imported before the first evaluation.

    Raises:
        MissingComponentError: The package is not installed.
        ConfigurationError: Its weights are not the ones that belong to the model's name.
    """
    folder = installed("chgnet", "chgnet")
    name, expected = _WEIGHTS[spec.model]
    path = folder / name
    provenance = Provenance(
        code="chgnet",
        code_version=importlib.metadata.version("chgnet"),
        model=spec.model,
        model_sha256=checked_weights(path, expected, "chgnet"),
        settings={"dtype": spec.dtype, "device": DEVICE, "minimizer": "lbfgs"},
    )
    return UniversalCalculator(
        provenance, lambda: _OnePass(_model(path, spec.model, spec.dtype)), lambda: frozenset(range(1, _HEAVIEST + 1))
    )


@lru_cache(maxsize=2)
def _model(path: Path, version: str, dtype: str) -> Any:  # noqa: ANN401 - the package ships no types that hold
    """The network, without gradients of its weights; one per process."""
    import torch

    torch.set_num_threads(1)
    with redirect_stdout(StringIO()):
        from chgnet.model.model import CHGNet

        state = torch.load(path, map_location=DEVICE, weights_only=True)
        model = CHGNet.from_dict(state["model"], mlp_out_bias=False, version=version).to(getattr(torch, dtype))
    # Linear in the composition, and fed with integers that the package makes single precision.
    model.composition_model.float()
    model.graph_converter.set_isolated_atom_response("ignore")
    model.eval()
    model.requires_grad_(False)
    return model


class _OnePass(Calculator):
    """ASE calculator around a shared network."""

    implemented_properties = ["energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - as above
        super().__init__()  # type: ignore[no-untyped-call]
        self._model = model

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy [eV], its parts per atom, forces [eV/Å] and Voigt stress [eV/Å^3]."""
        import torch
        from chgnet.model.model import BatchedGraph
        from pymatgen.io.ase import AseAtomsAdaptor

        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        model = self._model
        dtype = model.atom_embedding.embedding.weight.dtype
        structure = AseAtomsAdaptor.get_structure(atoms if atoms is not None else Atoms())
        graph = model.graph_converter(structure)
        graph.atom_frac_coord = torch.tensor(structure.frac_coords, dtype=dtype)
        graph.lattice = torch.tensor(structure.lattice.matrix, dtype=dtype)
        graph.neighbor_image = graph.neighbor_image.to(dtype)
        with warnings.catch_warnings():
            # Of the package's: it makes a number of a tensor that has a gradient.
            warnings.simplefilter("ignore", UserWarning)
            batch = BatchedGraph.from_graphs(
                [graph],
                bond_basis_expansion=model.bond_basis_expansion,
                angle_basis_expansion=model.angle_basis_expansion,
                compute_stress=True,
            )
            parts = model._compute(batch, return_site_energies=True)["site_energies"][0]
        slope, strain = torch.autograd.grad(parts.sum(), [batch.atom_positions[0], batch.strains[0]])
        of_elements = model.composition_model.get_site_energies([graph])[0]
        energies = parts.detach().double().numpy() + of_elements.detach().double().numpy().ravel()
        stress = strain.double().numpy() / structure.volume
        stress = 0.5 * (stress + stress.T)
        self.results = {
            "energy": float(energies.sum()),
            "energies": energies,
            "forces": -slope.double().numpy(),
            "stress": np.ascontiguousarray(stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]),
        }
