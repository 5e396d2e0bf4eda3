"""Widths of the priors of hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Priors:
    """Widths, and the noise that is expected, for outputs of unit variance.

    Attributes:
        noise: Median of the noise variance.
        noise_width: Deviation of its logarithm.
        part_width: Deviation of the logarithm of a variance where several parts of a kernel are added.
        length_width: Deviation of a lengthscale's logarithm, except where the reach is ``broad``.
    """

    noise: float = 1e-3
    noise_width: float = 2.0
    part_width: float = 1.5
    length_width: float = 1.0


WEAK = Priors()
NARROW = Priors(noise=0.03, noise_width=1.0, part_width=0.7, length_width=0.5)
"""For few values, which a model with weak priors fits too closely: it is then surer than it is right."""
