"""An endpoint between a participant and the chain's node that does something wrong with requests, in the ways named.

``before`` loses the connection and the request with it, ``after`` the answer of a request that it has passed on,
``late`` answers when nobody waits any more, ``previous`` gives the answer to the request before, ``stale`` the last
answer to a request of the same method, ``empty`` answers null, ``busy`` with status 502, ``twice`` passes the request
on twice. ``reorganised`` is for transactions: the block that has taken it is replaced by none.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from support.waiting import until

READS = ("before", "after", "late", "previous", "stale", "empty", "busy", "twice")
SENDS = (*READS, "reorganised")
SECONDS = 0.3
"""How long a participant waits for an answer here."""


class FaultyEndpoint:
    """``with FaultyEndpoint(node) as endpoint``: while ``where`` is set, each kind of request fails once in each way
    and is answered after that; ``tried`` has what has failed. ``one_way``: of what is read each third kind fails, each
    in another way."""

    def __init__(self, node, *, reads=READS, sends=SENDS, one_way=False):
        self.node, self.reads, self.sends, self.one_way = node, reads, sends, one_way
        self.where, self.tried, self._answers, self._last = "", [], {}, None
        self._lock, self._done, self._kinds = threading.Lock(), set(), {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()

    def manner(self, request):
        """The way in which this request fails; None where it is answered."""
        method = request["method"]
        if not self.where or method == "eth_chainId":
            return None
        kind = (self.where, method, what_of(request))
        manners = self.sends if method == "eth_sendRawTransaction" else self.reads
        if method == "eth_getLogs":  # one that hides events from a process hides them for as long as that runs
            manners = [manner for manner in manners if manner not in ("previous", "stale")]
        if self.one_way and method != "eth_sendRawTransaction":  # another one for each kind, in turn
            self._kinds.setdefault(kind, len(self._kinds))
            manners = [] if self._kinds[kind] % 3 else [manners[self._kinds[kind] // 3 % len(manners)]]
        for manner in manners:
            if (kind, manner) not in self._done:
                self._done.add((kind, manner))
                self.tried.append((*kind, manner))
                return manner
        return None

    def answer(self, request):
        """The document to answer with; None where the connection is lost, or a status."""
        with self._lock:
            manner, method = self.manner(request), request["method"]
            if manner == "before":
                return None
            if manner == "busy":
                return 502
            last, stale = self._last, self._answers.get(method)
            snapshot = self.node.snapshot() if manner == "reorganised" else None
            found = self._forward(request)
            if snapshot is not None:
                if "result" in found:  # answered before it is mined, and a node is confused by a revert meanwhile
                    until(lambda: self.node.rpc("eth_getTransactionReceipt", found["result"]))
                self.node.revert(snapshot)
            if manner == "twice":
                found = self._forward(request)
            self._last = self._answers[method] = found
        if manner == "after":
            return None
        if manner == "late":
            time.sleep(2 * SECONDS)
        if manner == "empty":
            found = {"jsonrpc": "2.0", "result": None}
        other = {"previous": last, "stale": stale}.get(manner)
        return {**(found if other is None else other), "id": request["id"]}

    def _forward(self, request):
        return requests.post(self.node.url, json=request, timeout=60).json()


def what_of(request):
    """What tells requests of one method: the function that is called, or the event."""
    first = request["params"][0] if request["params"] else ""
    if not isinstance(first, dict):
        return ""
    return str(first.get("data", first.get("topics", "")))[: 80 if "topics" in first else 10]


def handler_of(endpoint):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if isinstance(request, list):  # lost or answered together
                found = [endpoint.answer(one) for one in request]
                whole = [one for one in found if one is None or isinstance(one, int)]
                found = whole[0] if whole else found
            else:
                found = endpoint.answer(request)
            if found is None:
                self.close_connection = True
                return
            body = b"busy" if isinstance(found, int) else json.dumps(found).encode()
            try:
                self.send_response(found if isinstance(found, int) else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # who has asked waits no more
                self.close_connection = True

        def log_message(self, *words):
            pass

    return Handler
