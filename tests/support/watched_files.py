"""Which files have changed between two looks at some folders: by that a write is noticed that nobody was told of."""

import os
from pathlib import Path

OVERLOOKED = (".lock", "-shm", ".journal", ".errors", ".tmp")
"""Ends of names: locks, SQLite's memory that processes share, a test's own files, and what has no name of its own yet,
which is nobody's before it is renamed."""


class WatchedFiles:
    """The files below ``folders``, as they were when they were seen last. One without content does not count."""

    def __init__(self, *folders):
        self.folders = [Path(folder) for folder in folders]
        self.see()

    def see(self):
        self._seen = self._now()

    def changed(self):
        """The files that are others than they were, by name."""
        now = self._now()
        return sorted(str(path) for path in now.keys() | self._seen.keys() if now.get(path) != self._seen.get(path))

    def _now(self):
        found = {}
        for folder in self.folders:
            for parent, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if not name.endswith(OVERLOOKED)]
                for name in names:
                    if name.endswith(OVERLOOKED):
                        continue
                    path = os.path.join(parent, name)  # noqa: PTH118 - many, and often
                    status = os.stat(path)  # noqa: PTH116
                    if status.st_size:
                        found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found
