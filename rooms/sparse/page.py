"""Description of the page of sparse searches, by which the dashboard knows it."""

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.rooms import Page

PAGE = Page(
    title="Sparse search",
    path="/sparse",
    role=Role.OPERATOR,
    opener="tansaku.sparse.web.routes:ROUTERS",
    package="tansaku.sparse.web",
    sandboxed="tansaku.sparse.tasks.sandboxed:answer",
)
