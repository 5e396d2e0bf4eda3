"""Tansaku's own sets of figures."""

from tansaku.models.domain.rooms import FigureSet

BOUNDARIES = FigureSet("tansaku.tasks.read.figures.campaign:boundary_figures")
COMPOSITIONS = FigureSet("tansaku.tasks.read.figures.campaign:composition_figures")
PARAMETERS = FigureSet("tansaku.tasks.read.figures.campaign:parameter_figures")
SEGREGATION = FigureSet("tansaku.tasks.read.figures.campaign:segregation_figures", pictures=("spectrum",))
COMPOUND_BOUNDARIES = FigureSet("tansaku.tasks.read.figures.campaign:compound_boundary_figures")
