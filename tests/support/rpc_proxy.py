"""An RPC endpoint as public ones are: it stands before a node, and misbehaves in the ways that a test names."""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

UNKNOWN = (-32601, "the method does not exist/is not available")


class RpcProxy:
    """``with RpcProxy(node.url, poa=True) as proxy: Chain(proxy.url)``.

    ``poa``: headers as of a proof-of-authority chain. ``legacy``: no base fee and none of its methods. ``missing``:
    methods that do not exist. ``no_pending``: no pending state. ``blocks``: the widest range of eth_getLogs.
    ``refuse``: a function of (method, number of the request) that returns None or an answer (status, headers, error).
    ``rate``: how many requests are taken in how many seconds; the others get ``refusal``. ``batches``: False where an
    endpoint takes one request a body, else the most that it takes.
    """

    def __init__(
        self,
        upstream,
        *,
        poa=False,
        legacy=False,
        missing=(),
        no_pending=False,
        blocks=None,
        refuse=None,
        rate=None,
        refusal=(200, {}, (-32005, "rate limit exceeded, please slow down")),
        path="",
        batches=1000,
    ):
        self.upstream, self.poa, self.legacy, self.no_pending = upstream, poa, legacy, no_pending
        self.missing = set(missing) | ({"eth_maxPriorityFeePerGas", "eth_feeHistory"} if legacy else set())
        self.blocks, self.refuse, self.rate, self.refusal, self.path = blocks, refuse, rate, refusal, path
        self.batches = batches
        self.counted, self.refused, self.times, self.bodies = Counter(), 0, [], 0
        self._lock, self._taken, self.closed = threading.Lock(), [], False

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}{self.path}"

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.closed = True  # connections that are kept alive end too
        self._server.shutdown()
        self._server.server_close()

    def answer_body(self, body):
        """(status, headers, document) for one request or several."""
        with self._lock:
            self.bodies += 1
        if isinstance(body, dict):
            return self.answer(body)
        if len(body) > self.batches:
            return 200, {}, self._error({"id": None}, (-32600, "too many requests in a batch"))
        found = [self.answer(request) for request in body]
        refused = [one for one in found if one[0] != 200 or one[2] is None]
        return refused[0] if refused else (200, {}, [document for _, _, document in reversed(found)])

    def answer(self, request):
        """(status, headers, document) for one request."""
        method = request["method"]
        with self._lock:
            self.counted[method] += 1
            self.times.append((method, time.monotonic()))
            refusal = self.refuse(method, self.counted[method]) if self.refuse else None
            if self.rate is not None:
                most, seconds = self.rate
                now = time.monotonic()
                self._taken = [moment for moment in self._taken if moment > now - seconds]
                if len(self._taken) >= most:
                    refusal = self.refusal
                else:
                    self._taken.append(now)
            self.refused += refusal is not None
        if refusal is not None:
            status, headers, error = refusal
            return status, headers, None if error is None else self._error(request, error)
        if error := self._own_error(request):
            return 200, {}, self._error(request, error)
        return 200, {}, self._forward(request)

    def _own_error(self, request):
        method, parameters = request["method"], request["params"]
        if method in self.missing:
            return UNKNOWN
        if self.no_pending and "pending" in parameters:
            return (-32000, "pending state is not available")
        if method == "eth_getLogs" and self.blocks is not None:
            first, last = (int(parameters[0][key], 16) for key in ("fromBlock", "toBlock"))
            if last - first + 1 > self.blocks:
                return (-32005, f"block range is too wide, the limit is {self.blocks}")
        return None

    def _error(self, request, error):
        return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": error[0], "message": error[1]}}

    def _forward(self, request):
        answer = requests.post(self.upstream, json=request, timeout=60).json()
        result = answer.get("result")
        if isinstance(result, dict) and "parentHash" in result:
            if self.poa:
                result["extraData"] = "0x" + "ab" * 97
            if self.legacy:
                result.pop("baseFeePerGas", None)
        return answer

    def _handler(self):
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two would wait 40 ms for the first one's receipt

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if proxy.closed:
                    self.close_connection = True
                    return
                status, headers, document = proxy.answer_body(request)
                body = b"busy" if document is None else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *words):
                pass

        return Handler
