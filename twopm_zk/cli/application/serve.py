"""``serve``: the page and the HTTP API of a deployment, for people without a command line."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.options.building import key_options
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.models import model_options
from twopm_zk.cli.options.participants import checked_address, news_printer, open_view, poll_option
from twopm_zk.cli.output import json_option
from twopm_zk.errors import ChainError, InputError

if TYPE_CHECKING:
    from twopm_zk.conversation.worker import ModelFile


_LOOK_SECONDS = 30.0
"""Between looks at answers that were paid for."""


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
@click.option(
    "--conversation",
    metavar="NETWORK",
    type=click.IntRange(1),
    help="Answer conversations of this network, as the operator whose account is given, and sign receipts for answers.",
)
@click.option(
    "--conversation-operator",
    metavar="ADDRESS",
    help="Answer none, but pass sealed conversations on to this operator of the network.",
)
@click.option(
    "--conversation-state",
    type=click.Path(path_type=Path),
    default=Path("conversation.db"),
    show_default=True,
    help="File with the key that conversations are sealed to; for its owner only.",
)
@model_options
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
    conversation: int | None,
    conversation_operator: str | None,
    conversation_state: Path,
    model: ModelFile,
    opens: bool,
    poll: float,
    ptau: Path | None,
    backend: str | None,
    as_json: bool,
) -> None:
    """Serve the page and the HTTP API of a deployment until stopped; docs/api.md describes both.

    Needs no account, and holds no secret, but where it answers conversations. Networks and rounds come from the chain,
    their words and forms from --documents. Certified tasks are audited in the background. It listens on this machine
    alone unless --host says otherwise: put a TLS proxy before it, and name its address with --origin and
    --behind-proxy. With --json every event is one document a line.

    With --conversation it answers chat completions with a language model, one at a time: the account signs a receipt
    for each answer, and publishes the server's address and key once. Nothing of a conversation is kept.

    \b
    Examples:
      twopm-zk serve --documents networks --open
      twopm-zk serve --saved build/demo/network --open
      twopm-zk serve --port 8080 --documents networks --origin https://ask.example --behind-proxy
      twopm-zk serve --documents networks --conversation 1 --keystore operator.json
    """
    from twopm_zk.chat.service import answering, relaying
    from twopm_zk.chat.store import ConversationStore
    from twopm_zk.cli.next_steps import when_asked
    from twopm_zk.conversation.worker import Worker
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
        answers = conversation is not None and conversation_operator is None
        view = open_view(connection, signing=answers, notify=notify)
        if conversation_operator is not None and conversation is None:
            raise InputError(
                "--conversation-operator is an operator of a network", hint="Name it: --conversation NETWORK."
            )
        part = None
        if conversation is not None and conversation_operator is not None:
            part = stack.enter_context(relaying(view, conversation, checked_address(conversation_operator)))
        elif conversation is not None:
            store = stack.enter_context(ConversationStore(conversation_state))
            worker = stack.enter_context(Worker(model))
            part = stack.enter_context(answering(view, conversation, worker, store, notify=notify))
        server = stack.enter_context(
            GatewayServer(
                view,
                rpc_url=connection.rpc_url,
                folders=folders,
                settings=settings,
                ptau=ptau,
                backend=backend,
                notify=notify,
                advise=when_asked,
                conversation=part,
            )
        )
        own = None if server.conversation is None else server.conversation.operator
        if own is not None:
            view.publish(origin or server.url, own.public_key)
            stake = view.backing_of(own.address).sentence
            notify(News("offered", f"{own.address} answers conversations of network {conversation}, with {stake}", {}))
        notify(News("serving", f"the page is {origin or server.url}; Ctrl-C ends it", {"url": server.url}))
        if not settings.reached_as_bound:
            text = "nobody can sign in under another name than this address: say where people reach it, --origin URL"
            notify(News("waiting", text))
        if opens:
            click.launch(origin or server.url)
        looked = time.monotonic()
        while not ended.wait(0.5):
            if own is None or time.monotonic() - looked < _LOOK_SECONDS:
                continue
            looked = time.monotonic()
            try:
                own.look()
            except ChainError as error:
                notify(News("retry", f"trying again: {error.message}"))
