"""Published values for tavorites that were computed with two potentials."""

from __future__ import annotations

from dataclasses import dataclass

_ISLAM = "Tripathi et al., Chem. Mater. 23, 2278 (2011), doi:10.1021/cm200683n"
_JALEM = "Jalem et al., J. Chem. Inf. Model. 55, 1158 (2015), doi:10.1021/ci500752n"


@dataclass(frozen=True)
class Published:
    """A published value.

    Attributes:
        candidate: Composition.
        value: Barrier or activation energy [eV], None if no value is certain.
        method: How it was determined; measured values include the formation of vacancies.
        source: Reference.
    """

    candidate: str
    value: float | None
    method: str
    source: str


PUBLISHED = (
    Published(
        "Li-V3-P5-F",
        None,
        "DFT: very high rates along one dimension",
        "Mueller et al., Chem. Mater. 23, 3854 (2011), doi:10.1021/cm200753g",
    ),
    Published(
        "Li-Fe2-S6-F",
        0.3,
        "DFT+U, partly delithiated",
        "Structural, electronic and Li diffusion properties of LiFeSO4F, Solid State Ionics 181, 1209 (2010)",
    ),
    Published("Li-Fe2-S6-F", 0.4, "interatomic potentials, in three dimensions", _ISLAM),
    Published("Na-Fe2-S6-F", 0.6, "interatomic potentials, along [101]", _ISLAM),
    Published("Li-Mg2-S6-F", 0.21, "DFT and a model fitted to it", _JALEM),
    Published("Li-Ga3-P5-F", 0.25, "DFT and a model fitted to it", _JALEM),
    Published("Li-Mg2-Se6-F", 0.11, "DFT and a model fitted to it", _JALEM),
    Published(
        "Li-Mg2-S6-F",
        0.94,
        "measured, conductivity of a ceramic up to 520 °C",
        "Sebastian et al., J. Mater. Chem. 12, 374 (2002), doi:10.1039/b108289m",
    ),
)
