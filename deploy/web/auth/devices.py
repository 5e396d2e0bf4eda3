"""Cookies of browsers in which a user has logged in, so that wrong attempts from elsewhere do not make that user wait.

They let nobody in. See https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.sessions import set_cookie
from tansaku.deploy.web.auth.tokens import new_secret
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import User

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services, WebSettings

_SECONDS = 180 * 86400.0
_LONGEST = 256
_PURPOSE = "tansaku device"


def device_of(services: Services, request: Request, name: str) -> str | None:
    """The device from which a request comes, if a user of this name has logged in there with the present password."""
    given = request.cookies.get(_cookie(services.settings, name))
    if not given:
        return None
    user = services.accounts.user(name)
    return None if user is None else _device(user, given)


def remember_device(request: Request, response: Response, user: User) -> None:
    """Sets the cookie of a user who has logged in. Who has no password needs none."""
    if user.password_hash is None:
        return
    settings = services_of(request).settings
    name = _cookie(settings, user.name)
    device = _device(user, request.cookies.get(name, "")) or new_secret()
    set_cookie(response, settings, name, f"{device}.{_code(user.password_hash, user, device)}", _SECONDS)


def _cookie(settings: WebSettings, name: str) -> str:
    # Users of one browser have a cookie each; its name need not tell theirs.
    return f"{settings.session_cookie}-device-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _device(user: User, given: str) -> str | None:
    device, _, code = given[:_LONGEST].partition(".")
    if user.disabled or user.password_hash is None:
        return None
    expected = _code(user.password_hash, user, device)
    return device if hmac.compare_digest(code.encode("utf-8", "surrogatepass"), expected.encode()) else None


def _code(password_hash: str, user: User, device: str) -> str:
    """Signature by the password's hash: its random salt is secret, and a new password makes earlier cookies void."""
    text = f"{_PURPOSE}\0{user.name}\0{user.created_at.isoformat()}\0{device}"
    return hmac.new(password_hash.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
