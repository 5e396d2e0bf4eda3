"""What the ports of the application are made of."""

from __future__ import annotations


def port_methods(port: type) -> list[str]:
    """Names of a port's methods, found in the Protocol itself and in those it extends."""
    return sorted(name for name in dir(port) if callable(getattr(port, name)) and not name.startswith("_"))
