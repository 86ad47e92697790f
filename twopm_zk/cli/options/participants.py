"""What the commands of nodes, coordinators and operators share: state files, provers, and news as they come."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.next_steps import after_news
from twopm_zk.cli.options.amounts import parse_stake
from twopm_zk.cli.options.building import key_options
from twopm_zk.cli.options.connection import Connection
from twopm_zk.cli.output import Command
from twopm_zk.errors import InputError, StoreError
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.system.progress import Progress

if TYPE_CHECKING:
    from twopm_zk.participants.loop import PollingLoop
    from twopm_zk.participants.news import News, Notify
    from twopm_zk.participants.task_view import ChainView
    from twopm_zk.proving.prover import Prover

_COLOURS = {
    "finished": "green",
    "fault": "red",
    "refused": "red",
    "retry": "yellow",
    "waiting": "yellow",
    "objection": "yellow",
    "late-rows": "yellow",
    "not-attested": "yellow",
    "lost": "red",
    "barred": "red",
    "data-withdrawn": "red",
    "dispute": "red",
    "progress": "dim",
}
_PROGRESS_SECONDS = 4.0
_QUIET = {"chain:VerifierFixed", "chain:AttemptModel", "chain:SetOpened"}

spec_argument = click.argument("spec_file", metavar="SPEC", type=click.Path(path_type=Path))
poll_option = click.option(
    "--poll", type=float, default=1.0, show_default=True, help="Seconds between looks at the chain."
)


task_option = click.option("--task", type=click.IntRange(1), required=True, help="The task's number.")


def stakes_options(command: Command) -> Command:
    """Add what a new task asks of its nodes, passed on as ``stakes``."""

    @click.option("--minimum-stake", default="0", show_default=True, help="ETH that a node must have at stake.")
    @click.option(
        "--penalty",
        default="0",
        show_default=True,
        help="ETH of its stake that a node loses which spoils a sum: by a lie, by silence, or by leaving.",
    )
    @wraps(command)
    def wrapped(*args: Any, minimum_stake: str, penalty: str, **kwargs: Any) -> Any:
        from twopm_zk.coordinator.task_creation import Stakes

        return command(*args, stakes=Stakes(parse_stake(minimum_stake), parse_stake(penalty)), **kwargs)

    return wrapped  # type: ignore[return-value]


def consent_options(command: Command) -> Command:
    """Add below what a node takes no part and with whom it shares, passed on as ``consent``."""

    @click.option("--minimum-nodes", type=click.IntRange(1), help="Stay out of tasks that go on with fewer.")
    @click.option("--minimum-rows", type=click.IntRange(1), help="Stay out of tasks that go on with fewer rows in all.")
    @click.option(
        "--require-account",
        "accounts",
        metavar="ADDRESS",
        multiple=True,
        help="Share only with a set in which this node is; repeatable.",
    )
    @click.option(
        "--refuse-after-silence",
        is_flag=True,
        help="Share no more once a node was left out for silence, whatever that costs.",
    )
    @click.option("--allow-insecure", is_flag=True, help="Take part although the verifiers are of development keys.")
    @click.option(
        "--privacy-limit",
        type=float,
        metavar="EPSILON",
        help="Let all tasks together spend no more of these rows' privacy; exact sums keep no limit.",
    )
    @click.option(
        "--privacy-delta", type=float, default=1e-6, show_default=True, help="The delta that the limit is meant at."
    )
    @click.option(
        "--rows-name", default="", help="Name of these rows in the budget, where one state serves different people's."
    )
    @wraps(command)
    def wrapped(
        *args: Any,
        minimum_nodes: int | None,
        minimum_rows: int | None,
        accounts: tuple[str, ...],
        refuse_after_silence: bool,
        allow_insecure: bool,
        privacy_limit: float | None,
        privacy_delta: float,
        rows_name: str,
        **kwargs: Any,
    ) -> Any:
        from twopm_zk.node.node import Consent
        from twopm_zk.node.privacy_part import RowsBudget

        consent = Consent(
            minimum_nodes=minimum_nodes or 0,
            minimum_rows=minimum_rows or 0,
            allow_insecure=allow_insecure,
            accounts=frozenset(checked_address(address) for address in accounts),
            refuse_after_silence=refuse_after_silence,
            budget=RowsBudget(rows_name, privacy_limit, privacy_delta),
        )
        return command(*args, consent=consent, **kwargs)

    return wrapped  # type: ignore[return-value]


def state_option(name: str) -> Callable[[Command], Command]:
    """The option that says where a participant keeps its state."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path),
        default=Path(name),
        show_default=True,
        help="File with all that must not be lost; for its owner only.",
    )


def require_state(path: Path) -> Path:
    """A state file that is there: a wrong name must not make an empty one. StoreError otherwise."""
    if not path.is_file():
        raise StoreError(
            f"there is no state file {str(path)!r}",
            hint="Give --state FILE: the one that was given when it was made.",
        )
    return path


def service_options(command: Command) -> Command:
    """Add where a service listens and how often it looks at the chain, passed on as ``service``."""

    @click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
    @click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; default: a free one.")
    @click.option("--endpoint", help="URL to publish, where it differs from http://HOST:PORT: a TLS proxy's.")
    @poll_option
    @wraps(command)
    def wrapped(*args: Any, host: str, port: int, endpoint: str | None, poll: float, **kwargs: Any) -> Any:
        service = ServiceSettings(host=host, port=port, endpoint=endpoint, poll=poll)
        return command(*args, service=service, **kwargs)

    return wrapped  # type: ignore[return-value]


@dataclass(frozen=True)
class ProvingOptions:
    """How proofs are made, as the options say."""

    ptau: Path | None = None
    backend: str | None = None
    scheduler: str | None = None
    allow_plaintext: bool = False

    def prover(self, notify: Notify | None = None) -> Prover:
        """What proves; ``notify`` hears of what takes long, such as keys that are made for the first time."""
        from twopm_zk.plonk.backends import find_backend
        from twopm_zk.proving.executors import executor_for
        from twopm_zk.proving.prover import Prover

        native, reason = find_backend("native")
        return Prover(
            executor_for(self.scheduler, allow_plaintext=self.allow_plaintext),
            backend=self.backend,
            ptau=self.ptau,
            verifier="native" if native is not None and reason is None else "python",
            progress=None if notify is None else progress_news(notify),
        )


def proving_options(command: Command) -> Command:
    """Add how proofs are made, passed on as ``proving``."""

    @key_options
    @click.option("--scheduler", help="Where to prove: processes:N, tls://host:port of dask. Default: here.")
    @click.option(
        "--allow-plaintext", is_flag=True, help="Send rows over tcp:// to another machine: your own network only."
    )
    @wraps(command)
    def wrapped(
        *args: Any,
        ptau: Path | None,
        backend: str | None,
        scheduler: str | None,
        allow_plaintext: bool,
        **kwargs: Any,
    ) -> Any:
        return command(*args, proving=ProvingOptions(ptau, backend, scheduler, allow_plaintext), **kwargs)

    return wrapped  # type: ignore[return-value]


def open_view(connection: Connection, *, signing: bool = True, notify: Notify | None = None) -> ChainView:
    """The deployment, compared with the chain; ``notify``, or standard error, hears of it where that takes a while."""
    from twopm_zk.participants.task_view import ChainView

    return ChainView(connection.network(signing=signing), progress=news_of_progress(notify))


def news_of_progress(notify: Notify | None) -> Progress:
    """Who hears of a long step's progress: ``notify``, or standard error."""
    return progress_news(notify or (lambda news: click.echo(news.text, err=True)))


def news_printer(as_json: bool) -> Notify:
    """Prints what happens with the time, one line each; with --json one document a line."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)

    def show(news: News) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if as_json:
            click.echo(json.dumps({"time": now, "news": news.kind, "text": news.text, **_plain(dict(news.values))}))
        elif news.kind not in _QUIET:
            colour = _COLOURS.get(news.kind, "dim" if news.kind.startswith("chain:") else "default")
            text = news.text + after_news(news.kind)
            console.print(f"[dim]{now}[/dim] [{colour}]{_escape(text)}[/{colour}]")

    return show


def progress_news(notify: Notify) -> Progress:
    """News of a long step's progress, no more than one line every few seconds."""
    from twopm_zk.participants.news import News

    last = time.monotonic()

    def tell(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            notify(News("progress", line))

    return tell


def checked_address(text: str) -> str:
    """An address with its checksum. InputError for anything else."""
    from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address

    digits = text.removeprefix("0x")
    mixed = digits not in (digits.lower(), digits.upper())
    if not is_hex_address(text) or (mixed and not is_checksum_address(text)):
        raise InputError(
            f"{text!r} is not an address",
            hint="An address is 0x and 40 hexadecimal digits; a wrong digit breaks the checksum in its capitals.",
        )
    return to_checksum_address(text)


def stop_on_sigterm(loop: PollingLoop) -> None:
    """End after what is being done, when the system asks."""
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())


def _plain(value: Any) -> Any:
    """Large integers as text, as JavaScript needs them, in lists as well."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 53 else value


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
