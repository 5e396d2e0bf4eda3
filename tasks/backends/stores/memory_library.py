"""The list of the library's files in memory, for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tansaku.models.domain.library import LibraryFile
from tansaku.tasks.backends.stores.documents import normalised


class MemoryLibrary:
    """A ``FileLibrary`` that lives as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, LibraryFile] = {}

    def add_file(self, file: LibraryFile) -> LibraryFile:
        """Adds a file; returns the known one of the same content, with this upload."""
        added = normalised(file)
        with self._lock:
            known = self._files.get(file.sha256)
            self._files[file.sha256] = added if known is None else known.uploaded_again(added.every_upload[0])
            return self._files[file.sha256]

    def file(self, sha256: str) -> LibraryFile | None:
        """The file of this content, or None."""
        with self._lock:
            return self._files.get(sha256)

    def files(self, name: str | None = None) -> list[LibraryFile]:
        """All, or those that were uploaded under a name, the newest first."""
        with self._lock:
            found = [
                file for file in self._files.values() if name is None or name in [upload.name for upload in file.every_upload]
            ]
        return sorted(found, key=lambda file: (file.created_at, file.sha256), reverse=True)

    def remove_file(self, sha256: str) -> bool:
        """Removes a file from the list; returns whether it was there."""
        with self._lock:
            return self._files.pop(sha256, None) is not None

    def named_artifacts(self) -> Iterator[str]:
        """The SHA-256 of every file."""
        with self._lock:
            yield from list(self._files)
