"""Photos as they may be stored: read within limits and written again, so that nothing but the picture remains."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Literal

from tansaku.models.domain.errors import FieldError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 20_000_000

PhotoType = Literal["image/jpeg", "image/png", "image/webp"]

ENDINGS: dict[PhotoType, str] = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}

_TYPES: dict[str, PhotoType] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_QUALITY = 90
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Brands in the head of HEIC and HEIF files."""


def is_photo(name: str) -> bool:
    """Whether a file's name ends as that of a photo, also of one that is refused."""
    return name.lower().endswith((*ENDINGS.values(), ".jpeg", ".heic", ".heif"))


class _TooLargeError(Exception):
    pass


def clean_photo(content: bytes, name: str) -> tuple[bytes, PhotoType]:
    """Writes a photo again, upright and without metadata such as the place where it was taken; returns it with its type.

    Args:
        content: Of a JPEG, PNG or WebP file.

    Raises:
        FieldError: It is none of these, is damaged, or has more than :data:`MOST_PIXELS` pixels.
    """
    if name.lower().endswith((".heic", ".heif")) or (content[4:8] == b"ftyp" and content[8:12] in _HEIC):
        raise FieldError("photo", f"{name} is a HEIC photo; expected JPEG, PNG or WebP (a setting of the phone's camera)")
    from PIL import Image

    try:
        # The head of the file has the size, and Pillow warns of a very large one, or refuses it.
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=tuple(_TYPES)) as picture:
            return _written(picture)
    except (_TooLargeError, Image.DecompressionBombError) as error:
        raise FieldError("photo", f"{name} has too many pixels; expected at most {MOST_PIXELS // 10**6} million") from error
    except Exception as error:  # readers of pictures raise whatever a damaged file makes them raise
        raise FieldError("photo", f"{name} cannot be read as a JPEG, PNG or WebP photo") from error


def _written(picture: Image) -> tuple[bytes, PhotoType]:
    from PIL import Image, ImageOps

    if picture.width * picture.height > MOST_PIXELS:
        raise _TooLargeError
    form = str(picture.format)
    upright = ImageOps.exif_transpose(picture)
    plain = upright.convert("L" if upright.mode in ("1", "L") else "RGB" if form == "JPEG" or upright.mode == "RGB" else "RGBA")
    bare = Image.new(plain.mode, plain.size)  # pixels alone: no text, no profile, no thumbnail
    bare.paste(plain)
    found = io.BytesIO()
    bare.save(found, form, quality=_QUALITY)
    return found.getvalue(), _TYPES[form]
