"""The rooms of tansaku, which nothing but the table of kinds names."""

from tansaku.models.domain.ours import OURS, package_of

_PACKAGES = {package_of(path) for group in OURS.values() for path in group.values()}
ROOMS = tuple(sorted(package.removeprefix("tansaku.") for package in _PACKAGES - {"tansaku.models"}))
