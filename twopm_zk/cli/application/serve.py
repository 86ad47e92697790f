"""``serve``: the page and the HTTP API of a deployment, for people without a command line."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import click

from twopm_zk.cli.options.building import key_options
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.participants import news_printer, open_view, poll_option
from twopm_zk.cli.output import json_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 for a free one.",
)
@click.option(
    "--documents",
    "folders",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="Folder with metadata documents (*.json) and specifications (*.toml), found by their hashes; repeatable.",
)
@click.option(
    "--saved",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a network that `demo` has left: starts its development chain again, with its operator.",
)
@click.option("--origin", help="Where people reach this server, such as https://ask.example; for signing in.")
@click.option(
    "--allow-origin",
    "allowed",
    multiple=True,
    help="Origin of an application whose pages may use the API, such as https://app.example; repeatable.",
)
@click.option("--behind-proxy", is_flag=True, help="Take X-Forwarded-For as a proxy's word for who asks.")
@click.option("--no-prove", is_flag=True, help="Make no predictions here; browsers and operators still do.")
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@poll_option
@key_options
@chain_options
@json_option
def serve(
    connection: Connection,
    host: str,
    port: int,
    folders: tuple[Path, ...],
    saved: Path | None,
    origin: str | None,
    allowed: tuple[str, ...],
    behind_proxy: bool,
    no_prove: bool,
    opens: bool,
    poll: float,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Serve the page and the HTTP API of a deployment until stopped; docs/api.md describes both.

    Needs no account, and holds no secret. Networks and rounds come from the chain, their words and forms from
    --documents. Certified tasks are audited in the background. It listens on this machine alone unless --host says
    otherwise: put a TLS proxy before it, and name its address with --origin and --behind-proxy. With --json every
    event is one document a line.

    \b
    Examples:
      twopm-zk serve --documents networks --open
      twopm-zk serve --saved build/demo/network --open
      twopm-zk serve --port 8080 --documents networks --origin https://ask.example --behind-proxy
    """
    from twopm_zk.cli.next_steps import when_asked
    from twopm_zk.gateway.server import GatewayServer
    from twopm_zk.gateway.settings import GatewaySettings
    from twopm_zk.participants.news import News

    notify = news_printer(as_json)
    settings = GatewaySettings(
        host=host,
        port=port,
        origin=origin,
        allowed_origins=allowed,
        behind_proxy=behind_proxy,
        proves=not no_prove,
        poll=poll,
    )
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with ExitStack() as stack:
        if saved is not None:
            from twopm_zk.demo.saved import SavedNetwork

            kept = SavedNetwork(saved)
            stage = stack.enter_context(kept.reopened(backend=backend, notify=notify))
            connection = Connection(stage.node.url, kept.deployment, None)
            folders = (kept.documents, *folders)
        server = stack.enter_context(
            GatewayServer(
                open_view(connection, signing=False, notify=notify),
                rpc_url=connection.rpc_url,
                folders=folders,
                settings=settings,
                ptau=ptau,
                backend=backend,
                notify=notify,
                advise=when_asked,
            )
        )
        notify(News("serving", f"the page is {origin or server.url}; Ctrl-C ends it", {"url": server.url}))
        if not settings.reached_as_bound:
            text = "nobody can sign in under another name than this address: say where people reach it, --origin URL"
            notify(News("waiting", text))
        if opens:
            click.launch(origin or server.url)
        while not ended.wait(0.5):
            pass
