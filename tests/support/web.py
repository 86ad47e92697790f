"""What tests of the page need: npm's packages, the built page, a server with documents of a test, and a browser."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import ClassVar

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from twopm_zk.gateway.responses import PAGE_POLICY as POLICY

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "web"
CHROMIUM = Path("/usr/bin/chromium")
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".wasm": "application/wasm"}

needs_npm = pytest.mark.skipif(
    not (ROOT / "node_modules" / ".bin" / "esbuild").exists(), reason="npm's packages are not installed: make setup"
)


def missing_for_the_page():
    """What a test of the page in a browser lacks; None where all is there."""
    if not (BUILT / "index.html").exists():
        return "the page is not built: node web/build.mjs"
    return None if CHROMIUM.exists() else f"there is no {CHROMIUM}"


needs_page = pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the page is not built: node web/build.mjs")
needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")


class StubServer:
    """The page's server with answers that a test sets: a document by path, or a function of the request."""

    def __init__(self, files):
        self.files = files
        """Paths of files by the address they are served at."""
        self.answers = {}
        self.listeners = []
        self.loop = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        routes = [
            Route("/v1/events", self._events),
            Route("/{path:path}", self._answer, methods=["GET", "POST", "DELETE"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._server.serve([self._socket]))

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *exception):
        self._server.should_exit = True
        self.tell(None)
        self._thread.join(10)

    def tell(self, event):
        """Send an event to everybody who listens; None ends their streams."""
        for queue in list(self.listeners):
            self.loop.call_soon_threadsafe(queue.put_nowait, event)

    async def _events(self, request):
        queue = asyncio.Queue()
        self.listeners.append(queue)

        async def stream():
            try:
                yield ": welcome\n\n"
                while (event := await queue.get()) is not None:
                    kind, data = event
                    yield f"event: {kind}\ndata: {json.dumps(data)}\n\n"
            finally:
                self.listeners.remove(queue)

        headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
        return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)

    async def _answer(self, request):
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff"}
        found = self.answers.get(request.url.path)
        if callable(found) and not isinstance(found, Response):
            body = await request.body()
            found = await asyncio.to_thread(found, json.loads(body) if body else None)
        if isinstance(found, Response):
            found.headers.update(headers)
            return found
        if isinstance(found, bytes):
            return Response(found, headers=headers)
        if found is not None:
            return JSONResponse(found, headers=headers)
        if request.url.path.startswith("/v1/") and request.url.path not in self.files:
            said = {"error": "not-found", "message": "there is no such thing."}
            return JSONResponse(said, 404, headers=headers)
        path = self.files.get(request.url.path) or BUILT / request.url.path.lstrip("/")
        if request.url.path == "/" or not path.is_file():
            path = BUILT / "index.html"
        return Response(path.read_bytes(), media_type=TYPES.get(path.suffix), headers=headers)


def refusal(status, kind, message, **headers):
    """An answer that is an error, as the API words it."""
    return JSONResponse({"error": kind, "message": message}, status, headers=headers)


class Watched:
    """A page in a browser whose requests and console are watched."""

    open_ones: ClassVar[list] = []

    def __init__(self, browser, origin, **options):
        self.open_ones.append(self)
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.origin = origin
        self.requests = []
        self.problems = []
        self.context.on("request", lambda request: self.requests.append(request))
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.set_default_timeout(60_000)

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def open(self, path="/"):
        self.page.goto(self.origin + path)
        self.page.locator("h1").first.wait_for()
        return self.page

    @property
    def sent(self):
        """All that has left the page: addresses, headers and bodies."""
        for request in self.requests:
            yield f"{request.method} {request.url} {json.dumps(request.headers)} {request.post_data or ''}"

    def told(self):
        """What the page says now, for whoever reads of a failure."""
        shown = self.page.locator("body").inner_text(timeout=5_000)
        return "\n".join([self.page.url, shown, *self.problems])

    def close(self):
        self.open_ones.remove(self)
        self.context.close()


@contextlib.contextmanager
def chromium():
    """A browser that reaches nothing but this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        quiet = [
            "--disable-gpu",
            "--disable-extensions",
            "--disable-component-update",
            "--disable-background-networking",
        ]
        args = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *quiet]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=args)
        try:
            yield browser
        finally:
            browser.close()
