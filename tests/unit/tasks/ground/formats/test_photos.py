"""Photos are written anew: without metadata, upright, and never too large."""

import io
import struct
import zlib

import pytest
from PIL import Image

from tansaku.models.domain.errors import FieldError
from tansaku.tasks.ground.formats.photos import clean_photo

ORIENTATION, GPS = 0x0112, 0x8825


def photo(form="JPEG", size=(40, 20), mode="RGB", **options) -> bytes:
    picture = Image.new(mode, size, 128)
    picture.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    found = io.BytesIO()
    picture.save(found, form, **options)
    return found.getvalue()


def header_of_a_png(width, height) -> bytes:
    """A picture of a few bytes that says how large it will be."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    parts = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (head, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("form", "media"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_photo_is_upright_and_without_metadata(form, media):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010E] = "our secret laboratory"
    given = photo(form, exif=exif, icc_profile=b"a profile of a device")
    assert b"secret" in given
    written, found = clean_photo(given + b"appended", "IMG 1.bin")
    assert found == media
    assert not any(part in written for part in (b"secret", b"profile", b"appended", b"Exif"))
    picture = Image.open(io.BytesIO(written))
    assert (picture.size, dict(picture.getexif())) == ((20, 40), {})
    assert picture.convert("L").getpixel((15, 5)) < 20  # what was at the upper left is at the upper right


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_pictures_of_all_kinds_of_colours_are_written(mode):
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert Image.open(io.BytesIO(clean_photo(photo(form, mode=mode), "x")[0])).size == (40, 20)


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"x", "IMG_1.HEIC", "IMG_1.HEIC is a HEIC photo; expected JPEG, PNG or WebP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "IMG_1.jpg", "IMG_1.jpg is a HEIC photo"),
        (header_of_a_png(5000, 4001), "a.png", "photo: a.png has too many pixels; expected at most 20 million"),
        (header_of_a_png(50000, 50000), "a.png", "a.png has too many pixels"),
        (photo()[:-300], "a.jpg", "a.jpg cannot be read as a JPEG, PNG or WebP photo"),
        (photo("GIF"), "a.jpg", "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "cannot be read"),
        (b"", "a.jpg", "cannot be read"),
    ],
    ids=["heic by name", "heic by content", "large", "bomb", "cut", "gif", "svg", "empty"],
)
def test_what_is_no_photo_is_refused(content, name, problem):
    with pytest.raises(FieldError, match=problem):
        clean_photo(content, name)
