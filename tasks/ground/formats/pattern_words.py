"""Words for texts of specs that must match a pattern, for messages and for the reference of keys."""

from __future__ import annotations

import re

PATTERNS = {
    r"^[A-Z][a-z]?$": ("symbol of an element", "Al"),
    r"^[A-Z][A-Za-z0-9]{0,9}$": ("name of an element in the library", "MgS"),
    r"^[a-z0-9][a-z0-9-]{0,62}$": ("name of lower-case letters, digits and hyphens", "my-name"),
    r"^[a-z0-9][a-z0-9-]{0,62}(@[1-9][0-9]{0,8})?$": ("name of a stored model, or name@version", "my-model@2"),
    r"^([a-z0-9][a-z0-9-]{0,62}|[0-9a-f]{64})$": ("name of a stored data set, or its SHA-256 hash", "my-data"),
    r"^[0-9a-f]{64}$": ("SHA-256 hash of 64 digits 0–9, a–f", "0" * 64),
    r"^[a-z0-9][a-z0-9.-]{0,39}$": ("name of lower-case letters, digits, dots and hyphens", "part-1"),
    r"^[a-z][a-z0-9_-]{0,40}$": ("name of lower-case letters, digits, _ and hyphens", "my-code"),
    r"^[A-Za-z][A-Za-z0-9_]{0,62}$": ("name of letters, digits and _", "energy"),
    r"^[a-z][a-z0-9_]{0,30}$": ("name of lower-case letters, digits and _", "site"),
    r"^[a-z][a-z_]{0,40}$": ("word of lower-case letters and _", "not_converged"),
    r"^[A-Za-z_][A-Za-z0-9_]{0,40}$": ("name of letters, digits and _", "x1"),
    r"^[A-Za-z_][A-Za-z0-9_]{0,40}(\.[A-Za-z_][A-Za-z0-9_]{0,40})?$": ("parameter, or parameter.component", "alloy.Al"),
    r"^[A-Za-z_][A-Za-z0-9_]{0,127}$": ("name of an environment variable", "MY_CODE_LICENSE"),
    r"^[A-Za-z_][A-Za-z0-9_-]{0,62}$": ("name of letters, digits, _ and hyphens", "energy"),
    r"^[A-Za-z_][A-Za-z0-9_.-]{0,62}$": ("name of letters, digits, _, dots and hyphens", "energy"),
    r"^[A-Za-z][A-Za-z0-9_-]{0,62}$": ("keyword of the program", "ecutwfc"),
    r"^[A-Za-z0-9][A-Za-z0-9 _.+=()-]{0,199}$": ("words of the program", "PBE"),
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$": ("name of a file", "Al.pbe-n-kjpaw_psl.1.0.0.UPF"),
    r"^[A-Z][a-z]?[A-Za-z0-9_.]{0,20}$": ("name of a POTCAR", "Na_pv"),
    r"^[A-Z][A-Za-z0-9]{0,7}$": ("name of a site: a capital letter, then letters and digits", "M"),
    r"^[A-Z][a-z]?[2-7]?\+$": ("cation with its charge", "Fe2+"),
    r"^([A-Z][a-z]?[0-9]{0,3})+$": ("formula", "C3H4O3"),
    r"^mu_[A-Za-z0-9]{1,60}$": ("mu_ and a formula", "mu_TiO2"),
    r"^[A-Za-z0-9@+\-\[\]()=#%/\\.:*]+$": ("SMILES", "C1COC(=O)O1"),
    r"^[^\x00\r\n]+$": ("text of one line", "my-program"),
    r"^[^,\s]([^,]{0,254}[^,\s])?$": ("name of a group, without commas", "materials"),
    r"^[A-Za-z][A-Za-z0-9-]{0,63}$": ("name of an HTTP header", "X-Remote-User"),
    r"^/[A-Za-z0-9_./+@=-]{1,200}$": ("absolute path", "/scratch/ada"),
    r"^(/[A-Za-z0-9_./+-]{1,200}|[a-z][A-Za-z0-9_.-]{1,40})$": ("name of a program, or its absolute path", "srun"),
    r"^[A-Za-z0-9.:-]{1,253}$": ("name or address of a machine", "mail.example.org"),
    r"^[A-Za-z0-9.-]{1,253}$": ("domain", "example.org"),
    r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}$": ("mail address", "tansaku@example.org"),
    r"^https?://[^\s/?#]+/?$": ("web address without a path", "https://tansaku.example.org"),
    r"^[A-Za-z0-9_-]{1,38}$": ("name of a database", "tansaku"),
    r"^[A-Za-z_][A-Za-z0-9_]{0,99}$": ("name of a Python function", "measure"),
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$": ("word of SLURM", "normal"),
    r"^[A-Za-z0-9][A-Za-z0-9_.,&|-]{0,126}$": ("constraint of SLURM", "intel&gpu"),
    r"^[1-9][0-9]{0,8}[KMGT]?$": ("memory as SLURM writes it", "4G"),
    r"^[A-Za-z][A-Za-z0-9_.:-]{0,62}(,[A-Za-z][A-Za-z0-9_.:-]{0,62}){0,7}$": ("generic resources of SLURM", "gpu:1"),
}
"""Plain words for texts with a pattern, and an example of each."""

_SHORT = 20


def unmatched(text: str, pattern: str) -> str:
    """Returns what is wrong with a text that does not match a pattern, in words that follow the text.

    Args:
        pattern: Of the key; one without words, as of a plug-in, is shown as it is.
    """
    if pattern not in PATTERNS:
        return f"must match pattern '{pattern}'"
    words, example = PATTERNS[pattern]
    reason = _reason(text, re.compile(pattern))
    return f"is no {words}, such as {example}" + (f": it must {reason}" if reason else "")


def _reason(text: str, pattern: re.Pattern[str]) -> str:
    """The single thing to change, where one change would do; else empty."""
    changed = {
        "have no spaces": re.sub(r"\s+", "", text),
        "have no capitals": text.lower(),
        "begin with a capital": text[:1].upper() + text[1:],
        "begin with a letter": f"x{text}",
        "be shorter": text[:_SHORT],
    }
    return next((what for what, other in changed.items() if other != text and pattern.fullmatch(other)), "")
