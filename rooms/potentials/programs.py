"""A trained potential as files of programs that run it."""

from __future__ import annotations

from tansaku.potentials.network.model import Potential


def program_files(model: Potential, name: str, form: str) -> dict[str, str]:
    """Texts of the files by name.

    Args:
        name: Of files whose names are free.
        form: ``lammps``: its ML-IAP package; ``n2p2``: ``pair_style hdnnp``.

    Raises:
        ConfigurationError: The program cannot compute it.
    """
    from tansaku.potentials.network.mliap_files import mliap_files
    from tansaku.potentials.network.n2p2_files import n2p2_files

    return mliap_files(model, name) if form == "lammps" else n2p2_files(model)
