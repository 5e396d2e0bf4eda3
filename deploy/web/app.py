"""Composition of the web application: pages, API, static files, checks around them, answers to errors."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from tansaku import __version__
from tansaku.deploy.web import errors
from tansaku.deploy.web.api import (
    accounts,
    attachments,
    campaigns,
    changes,
    checks,
    comparison,
    creation,
    datasets,
    files,
    health,
    measuring,
    metrics,
    models,
    notifications,
    optimade,
    parameter_figures,
    points,
    projects,
    queue,
    results,
    runs,
    schedules,
    schema,
    search,
    trainings,
)
from tansaku.deploy.web.api.metrics import Latencies, Measured
from tansaku.deploy.web.auth.proxy import check_sign_on
from tansaku.deploy.web.changes import Changes
from tansaku.deploy.web.middleware import Protection, protected
from tansaku.deploy.web.pages import account, audit, bench, campaign, compare, evaluation, home, login, new, plain
from tansaku.deploy.web.pages import datasets as dataset_pages
from tansaku.deploy.web.pages import measuring as measuring_pages
from tansaku.deploy.web.pages import models as model_pages
from tansaku.deploy.web.pages import notifications as notification_pages
from tansaku.deploy.web.pages import projects as project_pages
from tansaku.deploy.web.pages import schedules as schedule_pages
from tansaku.deploy.web.pages import search as search_pages
from tansaku.deploy.web.pages import trainings as training_pages
from tansaku.deploy.web.pages.rendering import Renderer, page_folder
from tansaku.deploy.web.scripts import FOLDER, STATIC, together
from tansaku.deploy.web.services import Services
from tansaku.models.domain.rooms import code_behind, pages

CAMPAIGN_PAGES = (
    home.router,
    search_pages.router,
    compare.router,
    campaign.router,
    evaluation.router,
    new.router,
    bench.router,
)
TRAININGS = (training_pages.router, trainings.router)
MODELS = (model_pages.router, models.router, dataset_pages.router, datasets.router, *TRAININGS)
SCHEDULES = (schedule_pages.router, schedules.router)
NOTIFICATIONS = (notification_pages.router, notifications.router)
PAGES = (login.router, *CAMPAIGN_PAGES, measuring_pages.router, plain.router, account.router, audit.router)
PROJECTS = (project_pages.router, projects.router)
CREATION = (creation.router, checks.router, files.router)
ROUTERS = (
    *PAGES,
    health.router,
    metrics.router,
    accounts.router,
    campaigns.router,
    results.router,
    points.router,
    parameter_figures.router,
    comparison.router,
    search.router,
    measuring.router,
    attachments.router,
    *CREATION,
    *MODELS,
    *SCHEDULES,
    *NOTIFICATIONS,
    *PROJECTS,
    runs.router,
    queue.router,
    changes.router,
    schema.router,
    optimade.router,
)
"""Every group of routes of the dashboard itself; a new page or part of the API is added here."""


class Dashboard(FastAPI):
    """The application. Its checks also apply to answers to unexpected errors."""

    def build_middleware_stack(self) -> ASGIApp:
        """Puts the checks around the application."""
        services = self.state.services
        settings = services.settings
        protection = Protection(settings.hosts, settings.secure, settings.largest_body, services.uploads.largest)
        return Measured(protected(super().build_middleware_stack(), protection), self.state.latencies)


def all_routers() -> tuple[APIRouter, ...]:
    """Groups of routes of the dashboard, and of the pages of rooms and plug-ins."""
    return (*ROUTERS, *(router for name, page in pages().items() for router in code_behind("pages", name, page.opener)))


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """The routes of all groups. Applications of one process share them: FastAPI takes a tenth of a second to prepare them."""
    together = APIRouter()
    for router in all_routers():
        together.include_router(router)
    return tuple(together.routes)


def create_app(services: Services) -> FastAPI:
    """The application on opened stores.

    Args:
        services: The caller closes them after the application has ended.

    Raises:
        ConfigurationError: The site file lets a proxy log users in, but nothing distinguishes the proxy from other clients.
    """
    check_sign_on(services)
    # No pages of FastAPI's own: they load scripts from other servers.
    app = Dashboard(title="tansaku", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.latencies = Latencies()
    app.state.changes = Changes(services.readings)
    app.router.routes.extend(_routes())
    for name in pages():
        app.mount(f"/static/{name}", StaticFiles(directory=page_folder(name, "static"), check_dir=False), name="static")
    app.mount(FOLDER, together, name="static")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.state.renderer = Renderer({context.path or "" for context in iter_route_contexts(app.routes)})
    errors.install(app)
    return app
