"""All routes of sparse searches."""

from tansaku.sparse.web import api, pages

ROUTERS = (pages.router, api.router)
