"""Files that are served as they are: the built page, snarkjs beside it, and what a browser proves with.

A file is found by its whole name in a list made of the folder, never by a path that somebody asks for. Content and
compressed content are kept in memory, and compared by ETag.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from twopm_zk.errors import ToolMissingError
from twopm_zk.gateway.responses import ASKED_AGAIN, FOR_GOOD, RefusedError, bytes_answer
from twopm_zk.system import paths

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_BINARY = "application/octet-stream"
_LARGEST = 64 << 20
_WORTH_IT = 1024
"""Smaller files are not compressed."""
_GZIP_ACCEPTED = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[0-9.]+)?\s*(?:,|$)")
SNARKJS = "snarkjs.min.js"


@dataclass(frozen=True)
class StaticFile:
    """A file in memory, and how long browsers may keep it."""

    content: bytes = field(repr=False)
    media_type: str
    kept: str = ASKED_AGAIN
    headers: Mapping[str, str] = field(default_factory=dict)
    packed: bytes | None = field(default=None, repr=False)
    """The content compressed by gzip, where that came with it."""

    @cached_property
    def etag(self) -> str:
        """Names the content."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @cached_property
    def _packed(self) -> bytes | None:
        """The content compressed, None where that is not shorter."""
        if self.packed is not None or len(self.content) < _WORTH_IT:
            return self.packed
        found = gzip.compress(self.content, 6, mtime=0)
        return found if len(found) < len(self.content) else None

    def prepare(self) -> StaticFile:
        """The same file, compressed already: that takes a while."""
        _ = self._packed, self.etag
        return self

    def answer(self, request: Request) -> Response:
        """The file, compressed where that is accepted, or 304 where the browser has it."""
        from starlette.responses import Response

        headers = {"ETag": self.etag, "Cache-Control": self.kept, "Vary": "Accept-Encoding", **self.headers}
        if self.etag in re.findall(r'"[^"]*"', request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        packed = self._packed if _GZIP_ACCEPTED.search(request.headers.get("accept-encoding", "")) else None
        if packed is not None:
            headers |= {
                "Content-Encoding": "gzip",
                "X-Content-Length": str(len(self.content)),
            }  # for who shows progress
        return bytes_answer(self.content if packed is None else packed, 200, headers, self.media_type)


def media_type_of(name: str) -> str:
    """The type of a file by its name; one that browsers only store where it is not known."""
    return _TYPES.get(Path(name).suffix.lower(), _BINARY)


class Page:
    """The built page: ``index.html``, and what it loads by path. Without a build there is nothing."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, StaticFile] = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_symlink() or not path.is_file() or path.suffix == ".gz" or path.stat().st_size > _LARGEST:
                continue
            name = path.relative_to(folder).as_posix()
            beside = path.with_name(path.name + ".gz")
            self._files[name] = StaticFile(
                path.read_bytes(),
                media_type_of(name),
                FOR_GOOD if name.startswith("assets/") else ASKED_AGAIN,
                packed=beside.read_bytes() if beside.is_file() and not beside.is_symlink() else None,
            ).prepare()

    def file(self, name: str) -> StaticFile:
        """A file by its name below the folder. RefusedError 404."""
        if name not in self._files:
            message = "there is no such file" if self._files else "the page was not built: only the API is served here"
            raise RefusedError(404, "not-found", message)
        return self._files[name]


class Snarkjs:
    """npm's snarkjs, unmodified: a program of its own under GPL-3.0, which the page loads where somebody proves."""

    def __init__(self, folder: Callable[[], Path] = lambda: paths.npm_package("snarkjs")) -> None:
        self._folder = folder
        self._file: StaticFile | None = None

    def file(self) -> StaticFile:
        """The file of the installed package. RefusedError 404 where npm's packages are missing."""
        if self._file is None:
            try:
                folder = self._folder()
                content = (folder / "build" / SNARKJS).read_bytes()
            except (ToolMissingError, OSError):
                raise RefusedError(
                    404,
                    "not-installed",
                    "this server has not installed snarkjs, so that nothing can be proven in a browser here; whoever "
                    "runs it can install npm's packages",
                ) from None
            headers = {
                "X-License": "GPL-3.0",
                "Link": '<https://www.gnu.org/licenses/gpl-3.0.txt>; rel="license"',
                "X-Source": f"snarkjs {paths.npm_version(folder)}, https://github.com/iden3/snarkjs",
            }
            self._file = StaticFile(content, media_type_of(SNARKJS), headers=headers).prepare()
        return self._file
