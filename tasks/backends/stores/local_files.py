"""Copies of the library's files on this machine, for campaigns whose specs name them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import CampaignFile, CampaignRecord

_FOLDER_MODE = 0o700


@dataclass(frozen=True)
class LocalFiles:
    """Copies what campaigns read from the artifact store to a folder.

    Attributes:
        artifacts: Where the content is.
        folder: Of the copies, by hash; shared with the nodes where jobs run on others. It is made when it is needed.
    """

    artifacts: ArtifactStore
    folder: Path

    def with_files(self, record: CampaignRecord) -> CampaignRecord:
        """A campaign whose files are on this machine; reads the artifact store only for those that are missing.

        A file that cannot be copied, because it is gone or the folder is read-only, is found missing when it is opened.

        Raises:
            TransientError: The artifact store does not answer.
        """
        return record.model_copy(update={"base_path": str(self.copied(record.files))})

    def copied(self, files: Sequence[CampaignFile]) -> Path:
        """Copies files that are missing; returns the folder in which their paths start. Errors as of :meth:`with_files`."""
        for file in files:
            self._copy(file.sha256, self.folder / file.path)
        return self.folder

    def _copy(self, sha256: str, target: Path) -> None:
        if target.is_file():
            return
        try:
            target.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError:
            return
        with suppress(NotFoundError, StoreError):
            self.artifacts.get(sha256, target)
