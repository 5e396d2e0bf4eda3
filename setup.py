"""The types of the constructors are written when a wheel or an editable installation is built; else see pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTypes(build_py):
    """Copies modules and data files; among these is the stub file, made of the spec classes of the same tree."""

    def run(self) -> None:
        """Writes the stub file into the tree, where an editable installation reads it, and copies all."""
        sys.path.insert(0, str(Path(__file__).parent))
        from tansaku.deploy.python.stubs import main

        main()
        super().run()


setup(cmdclass={"build_py": BuildWithTypes})
