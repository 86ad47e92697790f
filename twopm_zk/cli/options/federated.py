"""Options of tasks of any model, and what keeps them apart from those of regression with proofs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from twopm_zk.cli.options.connection import Connection
from twopm_zk.cli.options.participants import news_of_progress, open_view
from twopm_zk.cli.output import Command

if TYPE_CHECKING:
    from twopm_zk.chain.network import Network
    from twopm_zk.chain.rounds import Rounds
    from twopm_zk.federated import Model
    from twopm_zk.hfl.view import FederatedView
    from twopm_zk.participants.news import Notify
    from twopm_zk.participants.rounds.view import RoundsView

HLR, HFL = "hlr", "hfl"

contract_option = click.option(
    "--contract",
    type=click.Choice([HLR, HFL]),
    default=HLR,
    show_default=True,
    help="Whose task it is: HLRContract's, of regression with proofs, or HFLContract's, of any model.",
)


class ModelChoice(NamedTuple):
    """The code that an owner names as its model."""

    place: str | None
    arguments: Mapping[str, str]

    def load(self) -> Model:
        """The model. Raises UsageError where none is named, InputError where it cannot be made."""
        from twopm_zk.federated import load_model

        if self.place is None:
            raise click.UsageError(
                "a federated specification needs --model FILE.py:Name: the code of your model, with parameters, fit "
                "and evaluate"
            )
        return load_model(self.place, self.arguments)


def model_options(command: Command) -> Command:
    """Add the owner's own model, passed on as ``model``."""

    @click.option("--model", "place", metavar="FILE.py:NAME", help="Your model, of a federated SPEC; its code is run.")
    @click.option(
        "--model-argument",
        "arguments",
        metavar="KEY=VALUE",
        multiple=True,
        help="Passed on when the model is made, as text; repeatable.",
    )
    @wraps(command)
    def wrapped(*args: Any, place: str | None, arguments: tuple[str, ...], **kwargs: Any) -> Any:
        found = {}
        for argument in arguments:
            key, separator, value = argument.partition("=")
            if not separator or not key.isidentifier():
                raise click.UsageError(f"--model-argument {argument!r} is not KEY=VALUE")
            found[key] = value
        return command(*args, model=ModelChoice(place, found), **kwargs)

    return wrapped  # type: ignore[return-value]


def refuse_options(of_what: str, given: Mapping[str, Any]) -> None:
    """Raise UsageError where an option was given that says nothing of this kind of task."""
    for option, value in given.items():
        if value:
            raise click.UsageError(f"{option} is an option of {of_what}")


def rounds_of(network: Network, contract: str) -> Rounds:
    """The contract that was chosen."""
    return network.hfl if contract == HFL else network.hlr


def open_federated(connection: Connection, *, signing: bool = True, notify: Notify | None = None) -> FederatedView:
    """The deployment as tasks of any model see it, compared with the chain."""
    from twopm_zk.hfl.view import FederatedView

    return FederatedView(connection.network(signing=signing), progress=news_of_progress(notify))


def open_rounds(connection: Connection, contract: str, *, signing: bool = True) -> RoundsView[Any]:
    """The deployment as the tasks of the contract that was chosen see it."""
    return open_federated(connection, signing=signing) if contract == HFL else open_view(connection, signing=signing)


def data_digest(path: Path | None, number: int | None) -> bytes | None:
    """What a node commits to as its data: a file, or a number that its owner knows them by."""
    from twopm_zk.hfl.data import digest_of_files, digest_of_number

    if path is not None and number is not None:
        raise click.UsageError("--data and --data-number exclude each other")
    if path is not None:
        return digest_of_files([path])
    return None if number is None else digest_of_number(number)
