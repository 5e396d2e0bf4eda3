"""A virtual environment of its own for tests of what pip installs into one.

It has no packages of the system and none of a user. One line of a ``.pth`` file lends it what the tests' environment holds,
tansaku among it; everything else in it was installed into it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

LENT = "lent.pth"
_INSTALL = "install --no-input --no-deps --no-build-isolation --no-index --disable-pip-version-check -q"


@dataclass(frozen=True)
class CleanEnvironment:
    """A virtual environment.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> CleanEnvironment:
        """Makes one without pip: that of the tests installs into it."""
        made = cls(folder)
        made._call([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
        lent = sysconfig.get_path("purelib")
        # Not a plain path: an editable installation is itself a .pth file, which only a folder of site packages is asked for.
        (made.site_packages / LENT).write_text(f"import site; site.addsitedir({lent!r})\n")
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return next((self.folder / "lib").glob("python*/site-packages"))

    def install(self, source: Path) -> None:
        """Installs the package of a folder, by the interpreter that it is for."""
        self._call([str(self.python), "-m", "pip", *_INSTALL.split(), str(source)], source.parent)

    def run(self, *words: str, cwd: Path) -> str:
        """Runs its interpreter; returns what it prints. AssertionError with all that it said if it fails."""
        return self._call([str(self.python), *words], cwd)

    def _call(self, command: list[str], cwd: Path) -> str:
        given = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS")}
        environment = given | {"PYTHONNOUSERSITE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command[:4]} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr}"
        return done.stdout
