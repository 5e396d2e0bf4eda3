"""Descriptions of the command, page, form, figures and view of results, by which the rest of tansaku knows them."""

from tansaku.models.domain.roles import Role
from tansaku.models.domain.rooms import CommandGroup, FigureSet, FormOffer, Page, View

COMMAND = CommandGroup(
    help="Writes the hops, the path and the diffusion coefficient that follow from a search for a bottleneck.",
    opener="tansaku.diffusion.cli:path",
    panel="Results",
)
PAGE = Page(
    title="Barriers, path and diffusion",
    path="/campaigns/{name}/diffusion",
    role=Role.VIEWER,
    opener="tansaku.diffusion.web.routes:ROUTERS",
    package="tansaku.diffusion.web",
    view="surface",
)
FORM = FormOffer("tansaku.diffusion.web.form:FORM")
FIGURES = FigureSet("tansaku.diffusion.tasks.figures:surface_figures", pictures=("path", "surface"))
SURFACE = View(opener="tansaku.diffusion.tasks.surface:read_surface", printer="tansaku.diffusion.cli:show_surface")
