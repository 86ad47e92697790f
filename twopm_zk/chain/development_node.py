"""A development node: anvil on a free port of 127.0.0.1 that never outlives its parent.

Anvil runs below a two-line shell that waits on a pipe from this process. When this process ends, however
it ends (kill -9 included), the kernel closes the pipe, and the shell stops anvil and removes its files.
Anvil chooses the port itself and prints it, so that two nodes started at once cannot race for one.

Accounts come from the mnemonic that every development node uses: the same at each start, rich, and
publicly known (``twopm_zk.chain.deployment`` refuses them elsewhere).
"""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import subprocess
import tempfile
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from twopm_zk.errors import ChainError, InputError, ToolError, ToolMissingError, ToolTimeoutError
from twopm_zk.system import files, paths, programs

CHAIN_ID = 31337
FIRST_BLOCK = 101_000
"""EigenLayer looks back further than its withdrawals take, which no chain that begins at 0 can."""
STATES = 500
"""Newest states that are kept, all in memory. Older ones can be kept as files, which takes longer for each block than
its transactions; events and receipts of all blocks are there."""
HARDFORK = "cancun"
"""The rules the node applies: those of compiler.EVM_VERSION, so that a newer opcode fails in tests."""

_WATCHED = '"$@" </dev/null & node=$!; read -r _; kill "$node" 2>/dev/null; wait "$node"; rm -rf "$0"'
"""``$0`` is the node's folder, which a parent that is killed cannot remove."""
_LISTENING = re.compile(r"^Listening on 127\.0\.0\.1:(\d+)\s*$", re.MULTILINE)


def anvil_path() -> Path:
    """Anvil's own binary: ``$TWOPM_ZK_ANVIL``, else npm's platform package, else PATH.

    npm's ``anvil`` command is a Node script around the same binary; the binary is used without it.

    Raises ToolMissingError.
    """
    if os.environ.get("TWOPM_ZK_ANVIL"):
        return programs.program("anvil")
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(platform.system(), "linux")
    machine = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "amd64"
    name = f"@foundry-rs/anvil-{system}-{machine}"
    try:
        binary = paths.npm_package(name) / "bin" / ("anvil.exe" if system == "win32" else "anvil")
        if binary.is_file():
            return binary
    except ToolMissingError:
        pass
    try:
        return programs.program("anvil")
    except ToolMissingError:
        raise ToolMissingError(
            f"anvil, the development node, is not installed (npm package {name!r}, or anvil on PATH)",
            kind="no-anvil",
        ) from None


def _answers(port: int) -> bool:
    """Whether somebody listens on a port here: anvil would share it, and requests would go to either."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class DevelopmentNode:
    """Anvil as a context manager: ``with DevelopmentNode() as node: Chain(node.url)``.

    ``port`` to listen on (default: a free one), ``block_time`` seconds between blocks (default: a block at once for
    each transaction), ``log`` a file for what anvil prints (default: a temporary one that goes with the node),
    ``timeout`` seconds to get ready.

    Raises ToolMissingError, ToolTimeoutError, ToolError on entering, InputError where the port is taken.
    """

    def __init__(
        self, *, port: int = 0, block_time: float | None = None, log: Path | None = None, timeout: float = 20.0
    ) -> None:
        self.port = port
        self.block_time = block_time
        self.timeout = timeout
        self.url = ""
        self.accounts: tuple[str, ...] = ()
        """Addresses, lower case, each with 10,000 ETH."""
        self.private_keys: tuple[str, ...] = ()
        """Hexadecimal with 0x, in the order of ``accounts``; public knowledge."""
        self._log = log
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lead = 0
        self._leads: dict[str, int] = {}
        """Seconds by which the chain's clock is ahead of this machine's: now, and at each snapshot."""
        self._log_file: IO[bytes] | None = None
        self._connection: HTTPConnection | None = None
        self._asking = threading.Lock()

    @property
    def log(self) -> Path:
        """Where anvil's output goes."""
        if self._log is None:
            raise ChainError("the development node is not running")
        return self._log

    @property
    def running(self) -> bool:
        """Whether anvil is there, and has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start anvil and wait until it answers."""
        if self._process is not None:
            return self
        if self.port and _answers(self.port):
            raise InputError(f"port {self.port} of 127.0.0.1 is taken", kind="port-taken")
        binary = anvil_path()
        self._folder = tempfile.TemporaryDirectory(prefix="twopm-zk-node-")
        self._log = self._log or Path(self._folder.name) / "anvil.log"
        config = Path(self._folder.name) / "config.json"
        command = [str(binary), "--host", "127.0.0.1", "--port", str(self.port), "--color", "never"]
        command += [
            "--chain-id",
            str(CHAIN_ID),
            "--number",
            str(FIRST_BLOCK),
            "--hardfork",
            HARDFORK,
            "--config-out",
            str(config),
        ]
        command += ["--prune-history", str(STATES)]
        command += ["--no-request-size-limit"]  # a saved chain is one request, and larger than what is usual
        if self.block_time is not None:
            command += ["--block-time", str(self.block_time)]
        self._log_file = self._log.open("wb")
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHED, self._folder.name, *command],
            stdin=subprocess.PIPE,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process, which then stops the node
        )
        try:
            self._wait_until_ready(config)
        except BaseException:
            self.close()
            raise
        return self

    def _wait_until_ready(self, config: Path) -> None:
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            printed = self.log.read_text(errors="replace")
            if found := _LISTENING.search(printed):
                self.url = f"http://127.0.0.1:{found[1]}"
                settings = json.loads(config.read_text())
                self.accounts = tuple(settings["available_accounts"])
                self.private_keys = tuple(settings["private_keys"])
                if int(self.rpc("eth_chainId"), 16) == CHAIN_ID:
                    return
            if "error:" in printed.lower():
                raise ToolError(f"anvil did not start: {printed.strip()[-400:]}")
            time.sleep(0.02)
        raise ToolTimeoutError(
            f"anvil was not ready within {self.timeout:g} s: {self.log.read_text(errors='replace')[-400:]}"
        )

    def rpc(self, method: str, *parameters: Any) -> Any:
        """One JSON-RPC call, without web3. Raises ChainError with the node's own message."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        with self._asking:
            connection = self._connection = self._connection or HTTPConnection(
                "127.0.0.1", int(self.url.rpartition(":")[2] or 0), timeout=self.timeout
            )
            try:
                connection.request("POST", "/", body, {"Content-Type": "application/json"})
                answer = json.load(connection.getresponse())
            except (OSError, ValueError, HTTPException) as error:
                connection.close()
                self._connection = None
                raise ChainError(f"the development node did not answer {method}: {error}") from error
        if "error" in answer:
            raise ChainError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def snapshot(self) -> str:
        """Remember the chain's state; the result goes to ``revert`` once."""
        snapshot = str(self.rpc("evm_snapshot"))
        self._leads[snapshot] = self._lead
        return snapshot

    def revert(self, snapshot: str) -> None:
        """Go back to a snapshot, which is used up; transactions that wait are dropped.

        The clock goes on: what was advanced since alone is taken back.
        """
        self.rpc("anvil_dropAllTransactions")  # anvil answers with a receipt before it strikes the transaction out
        if not self.rpc("evm_revert", snapshot):
            raise ChainError(f"snapshot {snapshot} does not exist")
        self._lead = self._leads.pop(snapshot, 0)
        behind = (
            int(time.time()) + self._lead - int(self.rpc("eth_getBlockByNumber", "pending", False)["timestamp"], 16)
        )
        if behind > 0:  # anvil puts its clock back too, by as long as the snapshot was there
            self.rpc("evm_increaseTime", behind)

    def advance(self, seconds: int, *, blocks: int = 1) -> None:
        """Let ``seconds`` pass and mine ``blocks`` blocks."""
        self._lead += seconds
        self.rpc("evm_increaseTime", seconds)
        self.rpc("anvil_mine", hex(blocks))

    def save(self, path: Path) -> None:
        """Write the whole chain to a file: blocks, transactions and the newest state, as anvil has them."""
        files.write_bytes(path, bytes.fromhex(self.rpc("anvil_dumpState")[2:]))

    def load(self, path: Path) -> None:
        """Go on from a saved chain, in place of the empty one of a node just started.

        Its clock goes on from the later of its newest block and this machine's. Raises InputError for another file.
        """
        saved = files.read_bytes(path, what="saved chain")
        try:
            self.rpc("anvil_loadState", "0x" + saved.hex())
        except ChainError as error:
            raise InputError(f"{str(path)!r} is not a chain that this version of anvil has saved") from error
        ahead = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) - int(time.time())
        if ahead > 0:
            self._lead = ahead
            self.rpc("evm_increaseTime", ahead)

    def close(self) -> None:
        """Stop anvil and remove the temporary files. Does nothing when called again."""
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()  # the shell reads the end of the pipe and stops anvil
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(timeout=5)
        if self._log_file is not None:
            self._log_file.close()
            self._log_file = None
        if self._folder is not None:
            if self._log is not None and self._log.parent == Path(self._folder.name):
                self._log = None
            self._folder.cleanup()
            self._folder = None
        self.url = ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
