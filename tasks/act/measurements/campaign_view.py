"""A stored campaign for notebooks: frames, best structures as ASE atoms, figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.plugins import reasons_for
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.rooms import code_behind, views
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site
from tansaku.tasks.read.figures import draw_campaign
from tansaku.tasks.read.figures.barrier_profile import Profile, profiles
from tansaku.tasks.read.views.campaign import Campaign, Purpose
from tansaku.tasks.read.views.compositions import CompositionMap, composition_maps, compositions_frame
from tansaku.tasks.read.views.costs import CostComparison
from tansaku.tasks.read.views.fronts import Front, campaign_front
from tansaku.tasks.read.views.hull import Hull, campaign_hull
from tansaku.tasks.read.views.points import contour
from tansaku.tasks.read.views.predictions import PoolExpectation, Relevance, pool_expectation, relevance_history
from tansaku.tasks.read.views.provenance import Graph, value_provenance
from tansaku.tasks.read.views.results import (
    Convergence,
    Predictions,
    convergence,
    described_frame,
    predictions,
    system_rows,
    systems_frame,
)
from tansaku.tasks.read.views.stable import Stable, stable_of
from tansaku.tasks.read.views.status import CampaignStatus, campaign_status
from tansaku.tasks.read.views.structures import BestStructure, best_structures

if TYPE_CHECKING:
    import pandas as pd
    from ase import Atoms

    from tansaku.tasks.act.measurements.notebook import Values
    from tansaku.tasks.act.measurements.stored_commands import Receipt


Opener = Callable[[], AbstractContextManager[Resources]]


@contextmanager
def _opened() -> Iterator[Resources]:
    settings = Settings.from_environment()
    with open_resources(settings, load_site(settings.site_file)) as resources:
        yield resources


class CampaignView:
    """A snapshot of a stored campaign; ``refresh()`` reads it again. Only ``ask()`` and ``tell()`` write.

    The database is found as the command line finds it (``TANSAKU_MONGO_URI``, the site file, else the embedded server) and
    is opened only while something is read.

    Args:
        data: The campaign as it was read.
        opened: Opens the place where it is kept.
    """

    def __init__(self, data: Campaign, opened: Opener = _opened) -> None:
        self._data = data
        self._opened = opened

    @classmethod
    def open(cls, name: str, opened: Opener = _opened) -> CampaignView:
        """Reads a campaign.

        Args:
            opened: Opens the place where it is kept.

        Raises:
            NotFoundError: No campaign of this name is stored.
        """
        with opened() as resources:
            return cls(Campaign.load(resources.store, name, resources.artifacts).whole(), opened)

    def refresh(self) -> CampaignView:
        """Reads the campaign again: what a running one has found since."""
        return CampaignView.open(self.name, self._opened)

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self._data.record.name

    @property
    def data(self) -> Campaign:
        """Spec, pool, systems and evaluations, as used by tansaku's functions."""
        return self._data

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Everything stored about the evaluations, those of elements and looks among them, in proposal order."""
        return tuple(self._data.select("all"))

    def status(self) -> CampaignStatus:
        """The current status of the campaign."""
        with self._opened() as resources:
            return campaign_status(resources.store, self.name)

    def to_dataframe(self, purpose: Purpose = "search") -> pd.DataFrame:
        """One row per evaluation, indexed by proposal number, with the columns that describe its candidate.

        Args:
            purpose: The search, the polish afterwards, the elements before, or all.

        Raises:
            ConfigurationError: A file of the space is gone or changed.
        """
        return described_frame(self._data, purpose)

    def systems(self) -> pd.DataFrame:
        """One row per system: description, best value, evaluations, cost and share of its exhaustive cost."""
        return systems_frame(self._data)

    def rows(self) -> list[JsonDict]:
        """The same as plain data, with the list of polished candidates of each system."""
        return system_rows(self._data)

    def convergence(self) -> Convergence:
        """Best-so-far gap against evaluations and cumulative cost."""
        return convergence(self._data)

    def predictions(self) -> Predictions:
        """Predictions for the proposed candidates and their computed values."""
        return predictions(self._data)

    def compositions(self) -> pd.DataFrame:
        """Returns one row per evaluated candidate of a composition search, the best first: formula, value, paths, provenance.

        Raises:
            ConfigurationError: The campaign searches something else.
        """
        return compositions_frame(self._data)

    def composition_maps(self) -> tuple[CompositionMap, ...]:
        """Returns the objective of a composition search over the ions, found or expected; one map per system.

        Raises:
            ConfigurationError: The campaign searches something else.
        """
        return composition_maps(self._data)

    def expectation(self) -> PoolExpectation | None:
        """Current predictions for every candidate, None without a model or a value."""
        return pool_expectation(self._data)

    def contour(self, x: str, y: str) -> pd.DataFrame:
        """Predictions over two parameters, else as the best candidate: ``mean`` and ``deviation``, ``y`` running fastest.

        Raises:
            ConfigurationError: No parameters describe the candidates, no value or model is there, there are several objectives,
                or they are no two parameters that can be changed independently.
        """
        return contour(self._data, x, y)

    def relevance(self) -> Relevance | None:
        """Relevance of features to the model at each refit, None without one."""
        return relevance_history(self._data)

    def profiles(self) -> list[Profile]:
        """Energies along the lowest-barrier paths of the best compositions; empty without barriers."""
        return profiles(self._data)

    def front(self) -> Front | None:
        """Returns the front and dominated volume of a search with several objectives; None for others and before a value."""
        return campaign_front(self._data)

    def hull(self) -> Hull:
        """The phase diagram of the results and of the phases that the campaign was given.

        Raises:
            ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
        """
        return campaign_hull(self._data)

    def stable(self) -> pd.DataFrame:
        """Candidates that may be on the hull, the likeliest first, of a search with the goal ``on_hull``; else empty."""
        return (stable_of(self._data) or Stable()).frame

    def entries(self) -> list[Any]:
        """Computed crystals as pymatgen's ``ComputedStructureEntry``, one for each candidate.

        Raises:
            ConfigurationError: There is none.
            MissingComponentError: pymatgen is not installed.
        """
        from tansaku.tasks.read.views.entries import campaign_entries

        with self._opened() as resources:
            return campaign_entries(self._data, resources.artifacts)

    def summaries(self) -> list[JsonDict]:
        """The same as documents with the names of the Materials Project, as emmet's ``SummaryDoc`` reads them.

        Raises:
            ConfigurationError: There is none, or an element has no phase of its own.
            MissingComponentError: pymatgen is not installed.
        """
        from tansaku.tasks.read.views.entries import summary_documents

        with self._opened() as resources:
            return summary_documents(self._data, resources.artifacts)

    def provenance(self, candidate: str, figure: Path | str | None = None) -> Graph:
        """The origin of the last value of a candidate as a graph, which ``.prov_json()`` writes as PROV-JSON.

        Args:
            figure: File that ends in ``.png`` or ``.svg``, to draw it.

        Raises:
            NotFoundError: The candidate has no value.
            ConfigurationError: The figure has another ending.
        """
        from tansaku.tasks.read.figures.provenance import draw

        graph = value_provenance(self._data, candidate)
        if figure is not None:
            draw(graph, Path(figure))
        return graph

    def surface(self) -> Any:  # noqa: ANN401 - what a room of tansaku returns
        """Returns the energy surface of a search for a bottleneck: ``barriers``, ``network`` of hops, ``path(dimensions)``.

        Raises:
            ConfigurationError: The campaign has another goal, or nothing was computed yet.
            MissingComponentError: This installation of tansaku lacks what reads it.
        """
        name = self._data.spec.objective.goal.view
        if name != "surface":
            raise ConfigurationError(f"campaign {self.name!r} does not search for the bottleneck of an energy surface")
        view = views().get(name)
        if view is None:
            raise MissingComponentError(reasons_for(name).removeprefix("; "), hint="install or repair it")
        return code_behind("views", name, view.opener)(self._data)

    def costs(self) -> CostComparison | None:
        """Predicted against actual cost, None where cost is not learned."""
        return self._data.cost_comparison

    def best_structures(self) -> list[BestStructure]:
        """The best structure of each system as ASE atoms with its energy."""
        with self._opened() as resources:
            return best_structures(self._data, resources.artifacts)

    def structure(self, evaluation: Evaluation) -> Atoms:
        """The final structure of one evaluation as ASE atoms."""
        with self._opened() as resources:
            return read_structure(evaluation, resources.artifacts)

    def ask(self, count: int | None = None, *, values_only: bool = False) -> pd.DataFrame:
        """Proposes what to measure next, one row per proposal: `tansaku ask`.

        Args:
            count: How many proposals are to wait for values; None: as many as last time.
            values_only: Whether candidates are proposed even where a descriptor is expected to gain more per price.

        Raises:
            ConfigurationError: The values of the campaign are computed.
        """
        from tansaku.tasks.act.measurements.notebook import ask

        with self._opened() as resources:
            return ask(resources, self.name, count, values_only=values_only)

    def tell(self, values: Values) -> Receipt:
        """Records measured values, all or none: `tansaku tell`.

        Args:
            values: A CSV file, a frame or a list of rows with its columns, or values by proposal number.

        Raises:
            ReportError: A row is wrong; nothing was stored.
            ConfigurationError: The values of the campaign are computed.
        """
        from tansaku.tasks.act.measurements.notebook import tell

        with self._opened() as resources:
            return tell(resources, self.name, values)

    def plot(self, folder: Path | str = ".") -> list[Path]:
        """Draws the figures as PNG and HTML; returns their paths."""
        with self._opened() as resources:
            return draw_campaign(self._data, resources.artifacts, Path(folder))

    def __repr__(self) -> str:
        finished = int(self._data.columns.terminal.sum())
        return f"CampaignView({self.name!r}: {len(self._data.outline.systems)} systems, {finished} evaluations)"
