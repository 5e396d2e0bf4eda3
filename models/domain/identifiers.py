"""Stable ids: canonical JSON, content hashes, the random stream of a proposal number, and which names are safe to use."""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tansaku.models.domain.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    import numpy as np

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""Names of campaigns, data sets and models."""

_NAME = re.compile(NAME_PATTERN)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=,()-]{0,199}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=,()-]+")
_STEM, _STEM_HASH = 80, 16
_SHORT = 24
_CHUNK = 1 << 20


def canonical_json(value: object) -> str:
    """Serialises plain data to its canonical JSON text.

    Args:
        value: Dicts, lists, strings, finite numbers, booleans and None.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value is not plain data.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def is_finite(value: object) -> bool:
    """Returns whether all numbers in plain data are finite."""
    try:
        canonical_json(value)
    except ValueError:
        return False
    return True


def content_hash(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, as 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def check_unchanged(path: Path, expected: str | None, key: str) -> None:
    """Raises ConfigurationError if a file's content is not what it was when the campaign began.

    Args:
        expected: SHA-256 then; None: nothing is known of it.
        key: Of the file, for messages.
    """
    if expected is not None and (found := file_sha256(path)) != expected:
        raise ConfigurationError(
            f"{key}: {path.name!r} has SHA-256 {found}, expected {expected}",
            hint="the file has changed since the campaign began; restore it (`tansaku tell` reads new values of another file) "
            "or start a new campaign",
        )


def short_hash(parts: Sequence[Any] | Mapping[str, Any]) -> str:
    """First 24 hex digits (96 bits) of :func:`content_hash`: enough for ids inside one database."""
    return content_hash(parts)[:_SHORT]


def new_campaign_id() -> str:
    """Id of a new campaign: 96 random bits, as 24 hex digits."""
    return secrets.token_hex(_SHORT // 2)


def evaluation_id(campaign: str, candidate: str, source: str, replicate: int) -> str:
    """Id of an evaluation, a function of its key alone; the campaign is given by its id."""
    return short_hash([campaign, candidate, source, replicate])


def job_name(campaign: str, evaluation: str, attempt: int) -> str:
    """Name under which an attempt's job is found again on its backend."""
    return f"tansaku-{short_hash([campaign, evaluation, attempt])}"


def jobless_name(why: Literal["report", "void"], evaluation: str, attempt: int) -> str:
    """Name of an attempt that no job computed: a value was reported once more, or made a failure."""
    return f"{why}-{evaluation}-{attempt}"


def certificate_rng(seed: int, number: int) -> np.random.Generator:
    """Random stream of the certificate at a proposal number, different from that of the proposal.

    Args:
        seed: The campaign's seed.
        number: Proposal number, counted from 1.
    """
    import numpy as np  # not at the top: specs import this module, and thread counts are set before numpy is loaded

    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(number, 1)))


def proposal_rng(seed: int, number: int) -> np.random.Generator:
    """Random stream of proposal ``number``; independent of what was drawn before, so a resume sees the same one.

    Args:
        seed: The campaign's seed.
        number: Proposal number, counted from 1.
    """
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(number,)))


def is_name(name: str) -> bool:
    """Returns whether this is a valid name of a campaign, data set or model."""
    return _NAME.fullmatch(name) is not None


def check_name(name: object, what: str) -> str:
    """Checks a name of a campaign, data set or model that comes from a store or a file.

    Args:
        name: As it was read.
        what: What it names, for the message (``campaign name in c.parquet``).

    Raises:
        StoreError: It is not a valid name.
    """
    # Python's $ matches before a last newline too; fullmatch does not.
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise StoreError(f"{what} is {shown(name)}; expected up to 63 of a-z, 0-9 and '-', not '-' first")
    return name


def safe_file_name(name: str, what: str) -> str:
    """Returns a name that comes from a store or a file, if it is a safe file name.

    The ids of all generated spaces are such names; the ids of a table are any text of its author.

    Args:
        name: Without an ending.
        what: What it names, for the message.

    Raises:
        StoreError: It holds a path, a space, a control character or anything else that is not safe in a file name.
    """
    if _FILE_NAME.fullmatch(name) is None:
        raise StoreError(
            f"{what} is {shown(name)}, which cannot name a file; expected up to 200 of letters, digits and ._+=,()-, "
            "a letter or digit first"
        )
    return name


def file_stem(name: str) -> str:
    """A file name for a name that comes from a store or a file: the name itself where it is safe, see :func:`safe_file_name`.

    Of any other name, the safe characters stay and a hash of the whole is added: two names never share a file, none leaves its
    folder, and the same name always gives the same file.

    Args:
        name: Any text.
    """
    if _FILE_NAME.fullmatch(name) is not None:
        return name
    left = _UNSAFE.sub("_", name).lstrip("._+=,()-")[:_STEM]
    return f"{left or 'unnamed'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:_STEM_HASH]}"


def printable(text: str, *, keep: str = "") -> str:
    """Text of a store or a file as it may be shown: control characters and escape sequences are written out.

    Args:
        keep: Characters that stay although they are not printable, as a newline between the lines of a message.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shown(value: object, most: int = 80) -> str:
    """A value from a file as error messages show it: quoted, printable and shortened.

    Args:
        value: Plain data.
        most: Characters that are shown of a string.
    """
    form = reprlib.Repr()
    form.maxstring = form.maxother = most
    form.maxlevel = 2
    return printable(form.repr(value))
