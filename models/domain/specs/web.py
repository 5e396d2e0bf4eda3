"""The part of the site file on the dashboard: what its users may request, by role."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tansaku.models.domain.specs.base import LONGEST_TIME, PositiveInt, Spec, Timeout

_MB = Annotated[int, Field(ge=1, le=1_000_000)]


class RoleLimitsSpec(Spec):
    """Limits of a campaign that is created from the dashboard.

    Attributes:
        in_flight: ``execution.in_flight``.
        timeout: ``execution.timeout`` [s].
        retries: ``execution.retries``.
        retry_backoff: ``execution.retry_backoff`` [s].
        polish: ``execution.polish``.
        evaluations: Evaluations that the budget can buy.
        pool: Candidates of the space.
    """

    in_flight: PositiveInt = 64
    timeout: Timeout = 7 * 86400.0
    retries: Annotated[int, Field(ge=0, le=100)] = 10
    retry_backoff: Annotated[float, Field(ge=0, le=LONGEST_TIME)] = 3600.0
    polish: Annotated[int, Field(ge=0, le=100)] = 10
    evaluations: PositiveInt = 10_000
    pool: PositiveInt = 200_000


ADMIN_LIMITS = RoleLimitsSpec(
    in_flight=1000,
    timeout=30 * 86400.0,
    retries=100,
    retry_backoff=86400.0,
    polish=100,
    evaluations=1_000_000,
    pool=2_000_000,
)


class SandboxSpec(Spec):
    """Limits of the processes that check and rehearse campaigns for the dashboard.

    Attributes:
        memory: Address space of a process [MB].
        resident: Memory that checking a campaign may use; the pages of a campaign open its space too [MB].
        seconds: Time for a check or a creation [s].
        rehearsal_seconds: Time for a rehearsal [s].
        at_once: Checks at a time; besides them, one rehearsal.
    """

    memory: _MB = 4096
    resident: _MB = 1024
    seconds: Timeout = 90.0
    rehearsal_seconds: Timeout = 900.0
    at_once: Annotated[int, Field(ge=1, le=64)] = 2


class LibrarySpec(Spec):
    """Limits of the library of uploaded files.

    Attributes:
        file: Size of a file [MB].
        total: Of all files [MB].
        files: Number of files.
    """

    file: _MB = 64
    total: _MB = 4096
    files: PositiveInt = 2000


_HEADERS_OF_OTHERS = frozenset({"authorization", "connection", "content-length", "content-type", "cookie", "host", "origin"})


def _no_other_header(name: str) -> str:
    if name.lower() in _HEADERS_OF_OTHERS or name.lower().startswith("sec-"):
        raise ValueError(f"{name}: this header has another meaning")
    return name


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$"), AfterValidator(_no_other_header)]
"""Name of a header of HTTP; large and small letters are the same."""

GroupName = Annotated[str, Field(pattern=r"^[^,\s]([^,]{0,254}[^,\s])?$")]
"""Name of a group as a proxy states it."""


class ProxySpec(Spec):
    """A proxy in front of the dashboard that logs users in and names them in a header.

    It must replace these headers when clients send them. The server believes them on a unix socket, or with the secret of
    TANSAKU_PROXY_SECRET or TANSAKU_PROXY_SECRET_FILE.

    Attributes:
        user_header: Header with the user's name, who must be a user of the dashboard.
        groups_header: Header with the user's groups, separated by commas; None: roles are those of the users.
        roles: Role of each group; a user has the highest role of their groups, and a user without a listed group is refused.
        secret_header: Header with the secret.
    """

    user_header: HeaderName = "X-Forwarded-User"
    groups_header: HeaderName | None = None
    roles: dict[GroupName, Literal["viewer", "operator", "admin"]] = Field(default={})
    secret_header: HeaderName = "X-Proxy-Secret"  # noqa: S105 - name of a header

    @model_validator(mode="after")
    def _headers_and_roles_fit(self) -> Self:
        names = [name.lower() for name in (self.user_header, self.groups_header, self.secret_header) if name is not None]
        if len(set(names)) < len(names):
            raise ValueError("user_header, groups_header and secret_header: expected different headers")
        if (self.groups_header is None) != (not self.roles):
            raise ValueError("groups_header and roles: expected both or none")
        return self


class WebSpec(Spec):
    """The dashboard of this machine.

    Attributes:
        operator: Limits of campaigns that operators create.
        admin: Limits of campaigns that admins create.
        sandbox: Limits of the processes that check and rehearse.
        library: Limits of the library of files.
        proxy: A proxy that logs users in; None: users log in here.
    """

    operator: RoleLimitsSpec = RoleLimitsSpec()
    admin: RoleLimitsSpec = ADMIN_LIMITS
    sandbox: SandboxSpec = SandboxSpec()
    library: LibrarySpec = LibrarySpec()
    proxy: ProxySpec | None = None
