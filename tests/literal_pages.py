"""Follows a page of `docs/develop/` literally in a copy of the sources: writes its files, makes its changes, runs its commands.

A block of code that has a title is a file: it is written where the title says. With the language ``diff`` it changes one: lines
that begin with a space or a minus must stand in the file once, one after the other, and are replaced by those that begin with
a space or a plus; ``@@`` divides changes of one file. Blocks of the language ``console`` hold commands: ``$ python …`` is run
as it stands, ``$ tansaku run CAMPAIGN [--site SITE]`` runs the campaign to its end with the site's own launcher, but on the
memory store.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COPIED = (
    "calculators",
    "deploy",
    "docs",
    "examples",
    "flows",
    "models",
    "rooms",
    "spaces",
    "tansaku",
    "tansaku_client",
    "tasks",
    "tests",
    "benchmarks/ended_jobs.py",
    "pyproject.toml",
)
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_PATIENCE = 900.0

CAMPAIGN = """
import json, sys
from pathlib import Path
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tansaku.tasks.backends.launchers.backends import backend_of
from tansaku.models.domain.authors import Actor
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import evaluation_rows
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore

home = Path("home", Path(sys.argv[1]).stem).resolve()
home.mkdir(parents=True)
site = load_site(Path(sys.argv[2])) if len(sys.argv) > 2 else SiteSpec()
settings, loaded = Settings(home=home), load_campaign(Path(sys.argv[1]))
# Workers are given no environment but what a site file names, and are to import the copy; the start of each takes long.
one = {"workers": 1} if "workers" in type(site.launcher).model_fields else {}
launcher = site.launcher.model_copy(update={"environment": ("PYTHONPATH",), **one})
site = site.model_copy(update={"launcher": launcher})
store = MemoryCampaignStore()
resources = Resources(
    settings=settings,
    site=site,
    store=store,
    artifacts=FileArtifactStore(home / "artifacts"),
    open_launcher=backend_of(settings, site, None).launcher,
)
prepare_campaign(resources, Actor("ada", "test"), loaded)
with CampaignLoop(resources, loaded.spec.name, Observer()) as loop:
    loop.advance()
data = Campaign.load(store, loaded.spec.name, resources.artifacts)
models = [record.spec["surrogate"] for record in resources.registry.models()]
outcomes = [item.outcome for item in store.evaluations(loaded.spec.name) if item.outcome and item.outcome.provenance]
plugins = sorted({name for outcome in outcomes for name in outcome.provenance.plugins})
rows = evaluation_rows(data, "all")
print(json.dumps({"plugins": plugins, "reason": loop.result.reason, "rows": rows, "key": data.value_key, "models": models}))
"""


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    language: str
    title: str | None
    text: str


def blocks_of(page: Path) -> list[Block]:
    """All blocks of code of a page, in its order."""
    return [Block(*found.groups()) for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


class LiteralPage:
    """A page and the copy of the sources in which it is followed.

    Args:
        page: Name of the page below ``docs/develop``.
        folder: Where the copy is made.
    """

    def __init__(self, page: str, folder: Path) -> None:
        self.blocks = blocks_of(ROOT / "docs" / "develop" / page)
        self.folder = folder / "copy"
        self.folder.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                # With their compiled modules: each page would compile all of them anew.
                ignored = shutil.ignore_patterns("*.png")
                shutil.copytree(ROOT / name, self.folder / name, symlinks=True, ignore=ignored)
            else:
                (self.folder / name).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)

    def follow(self) -> list[dict[str, Any]]:
        """Follows the page from its beginning to its end.

        Returns:
            What each campaign found: ``reason`` of its end, ``rows`` of evaluations, ``key``, the name of its value, and
            ``models``, the specs of the surrogates that were trained.
        """
        found, commands = [], 0
        where = self._python("-c", "import tansaku; print(tansaku.__file__)").strip()
        assert Path(where).is_relative_to(self.folder), where
        for block in self.blocks:
            if block.language == "console":
                for line in block.text.splitlines():
                    assert line.startswith("$ "), f"{line!r} is no command"
                    commands += 1
                    campaign = self._run(shlex.split(line[2:]))
                    found += [campaign] if campaign is not None else []
            elif block.title is not None and block.language == "diff":
                self._change(self.folder / block.title, block.text)
            elif block.title is not None:
                target = self.folder / block.title
                assert not target.exists(), f"{block.title} exists already"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")
        assert commands, "the page has no command"
        return found

    def _change(self, file: Path, text: str) -> None:
        for change in re.split(r"^@@.*\n", text, flags=re.MULTILINE):
            lines = change.splitlines()
            before = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "+")
            after = "".join(f"{line[1:]}\n" for line in lines if line[:1] != "-")
            if not lines:
                continue
            found = file.read_text(encoding="utf-8")
            assert before != after, f"{file.name}: a block changes nothing"
            assert found.count(before) == 1, f"{file.name}: these lines stand {found.count(before)} times in it:\n{before}"
            file.write_text(found.replace(before, after), encoding="utf-8")

    def _run(self, words: list[str]) -> dict[str, Any] | None:
        if words[:2] == ["tansaku", "run"]:
            given = [word for word in words[2:] if word != "--site"]
            return dict(json.loads(self._python("-c", CAMPAIGN, *given).splitlines()[-1]))
        assert words[0] == "python", f"{' '.join(words)}: expected python or tansaku run"
        self._python(*words[1:])
        return None

    def _python(self, *words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{words[:4]} ended with {done.returncode}:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout
