"""``converse ask``, ``challenge`` and ``vote``: answers that are paid for, and what can be done about a wrong one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from twopm_zk.cli.application.conversing import (
    answer_of,
    emit_answer,
    how_options,
    keep_option,
    read_kept,
    write_private,
)
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.fees import parse_fee
from twopm_zk.cli.options.models import model_options
from twopm_zk.cli.options.participants import checked_address, open_view, require_state, state_option
from twopm_zk.cli.output import emit, json_option
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from twopm_zk.cli.application.conversing import How
    from twopm_zk.conversation.worker import ModelFile


@click.command()
@click.argument("text", required=False)
@click.option("--gateway", metavar="URL", required=True, help="The server that passes the question on.")
@click.option("--network", type=click.IntRange(1), help="The network's number.")
@click.option("--operator", metavar="ADDRESS", help="The operator to ask.")
@click.option("--maximum-fee", default="0", show_default=True, help="The most to pay, in ETH or the token.")
@click.option("--again", type=click.Path(path_type=Path), help="Send a question that was paid for once more.")
@how_options
@keep_option
@model_options
@chain_options
@json_option
def ask(
    connection: Connection,
    model: ModelFile,
    how: How,
    text: str | None,
    gateway: str,
    network: int | None,
    operator: str | None,
    maximum_fee: str,
    again: Path | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Pay for an answer to TEXT, which its operator has to give by a deadline, and which can be challenged.

    The chain sees a commitment to the question, the fee, and the digest of the answer. The model is needed here too, to
    make tokens of the text. Before anything is paid the question is written to --keep. Where this was stopped before
    the answer was here, or the operator cannot be reached, the same command goes on and pays nothing twice; --again
    FILE sends a question that was paid for once more. `twopm-zk converse refund` takes a fee back that nobody has
    earned in time.

    \b
    Examples:
      twopm-zk converse ask "What is a stake?" --gateway https://ask.example --network 1 --operator 0x7099...79C8
      twopm-zk converse ask --gateway https://ask.example --again kept/question-7.json
    """
    from twopm_zk.chat.kept import KeptQuestion, KeptQuestions, read_question
    from twopm_zk.chat.paying import client_of, expected_of_paid, is_given_back, pay, place_of

    view = open_view(connection)
    folder = keep or Path("kept")
    questions = KeptQuestions(again.parent if again else folder)
    if again is not None:
        question = read_question(again)
        if not question.request:
            raise InputError("the question was not paid for: it has no request")
    elif text is None or network is None or operator is None:
        raise InputError("a question that is paid for needs a text, --network and --operator")
    else:
        address = checked_address(operator)
        words = how.question([{"role": "user", "content": text}])
        asked = KeptQuestion(words, place_of(view, network), view.address, address)
        if not as_json:
            click.echo(f"{address} answers with {view.backing_of(address).sentence}", err=True)
        most = parse_fee(maximum_fee, view.networks, token=view.networks.get(network).token)
        known, loaded = questions.unanswered(asked, seeded=how.seed is not None), model.load()
        question = pay(view, known or asked, loaded, maximum_fee=most, questions=questions)
        if known is not None and is_given_back(view, question.request):
            questions.forget(question)
            question = pay(view, asked, loaded, maximum_fee=most, questions=questions)
    request = question.request
    found = view.network.conversations.request(request)
    client = client_of(view, gateway, found.network, found.operator, expected=expected_of_paid(found))
    answer = answer_of(client.ask(question.question, request=request), folder, quiet=as_json)
    emit_answer({**answer, "request": request}, as_json)
    sys.stdout.flush()
    questions.write(replace(question, answered=True))


@click.command()
@click.argument("file", metavar="RECEIPT.json", type=click.Path(path_type=Path))
@click.option("--unverified", is_flag=True, help="Challenge without computing the answer first; a bond may be lost.")
@model_options
@chain_options
@json_option
def challenge(connection: Connection, model: ModelFile, file: Path, unverified: bool, as_json: bool) -> None:
    """Challenge an answer that is not the model's, by its receipt, with a bond.

    The nodes that trained the network's adapter vote: give each of them the transcript, which is in RECEIPT.json, or
    they cannot find anything. They read the conversation. The bond comes back where they find the answer wrong, with
    the fee; it goes to the operator where they find it right. An answer that follows is not challenged, since the bond
    would be lost.

    \b
    Example:
      twopm-zk converse challenge kept/receipt-1f0c5b6a7d21.json
    """
    from twopm_zk.chat.paying import challenge as challenge_answer

    kept, _ = read_kept(file)
    if kept is None:
        raise InputError("a transcript without a receipt holds nobody to anything")
    case = challenge_answer(open_view(connection), kept, None if unverified else model.load())
    said = (
        f"Case {case}: send {file} to who votes." if case else "The operator has contradicted itself, and is slashed."
    )
    emit(as_json, {"case": case or None}, said)


@click.command()
@click.argument("case", type=click.IntRange(1))
@click.argument("file", metavar="[RECEIPT.json]", type=click.Path(path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Say what was found, and do not vote.")
@model_options
@chain_options
@json_option
def vote(connection: Connection, model: ModelFile, case: int, file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Vote on CASE as a node that trained the network's adapter: compute the answer again, and say what was found.

    RECEIPT.json is what user or operator has shown you: a receipt or a transcript. Without it the vote is what follows
    where nobody shows one: an answer that was paid for is wrong, since its operator has to keep it; a free one is
    right, since its user has.

    \b
    Examples:
      twopm-zk converse vote 3 receipt.json
      twopm-zk converse vote 3
    """
    from twopm_zk.chat.paying import judge

    transcript = None if file is None else read_kept(file)[1]
    view = open_view(connection)
    found = judge(view, case, transcript, model.load())
    if not dry_run:
        view.network.conversations.vote(case, right=found.right)
    document = {"case": case, "right": found.right, "difference": found.difference, "voted": not dry_run}
    where = "" if found.difference is None else f": token {found.difference} does not follow"
    emit(as_json, document, f"The answer of case {case} is {'right' if found.right else 'wrong'}{where}.")


@click.command()
@click.argument("requests", metavar="REQUEST...", nargs=-1, required=True, type=click.IntRange(1))
@chain_options
@json_option
def refund(connection: Connection, requests: tuple[int, ...], as_json: bool) -> None:
    """Take the fee of each REQUEST back whose time to be accepted, or to be answered, is over.

    An operator that accepted and is late is slashed. `twopm-zk fees withdraw` pays out what came back.

    \b
    Example:
      twopm-zk converse refund 7
    """
    from twopm_zk.chain.networks.conversations import ConversationState

    contract = open_view(connection).network.conversations
    for request in requests:
        late = contract.request(request).state is ConversationState.ACCEPTED
        (contract.slash_late if late else contract.refund)(request)
    emit(as_json, {"refunded": list(requests)}, "The fees came back.")


@click.command()
@click.argument("request", type=click.IntRange(1))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: transcript-REQUEST.json."
)
@state_option("conversation.db")
@chain_options
@json_option
def transcript(connection: Connection, request: int, out: Path | None, state: Path, as_json: bool) -> None:
    """Write the transcript of an answer to REQUEST that was paid for, as the operator who gave it.

    It is what nodes that vote on a challenge of it compute again, and it holds the whole conversation. It is kept until
    nobody can challenge the answer any more.

    \b
    Example:
      twopm-zk converse transcript 7 --state conversation.db
    """
    from twopm_zk.chat.store import ConversationStore

    view = open_view(connection, signing=False)
    with ConversationStore(require_state(state), read_only=True) as store:
        found = store.transcript(view.network.conversations.address, request)
    if found is None:
        raise InputError(
            f"there is no transcript of request {request} here: it was not answered by this operator, or nobody can "
            "challenge it any more"
        )
    path = write_private(out or Path(f"transcript-{request}.json"), found)
    emit(as_json, {"request": request, "file": str(path)}, f"{path} holds the conversation: give it to who votes.")


@click.command()
@click.argument("case", type=click.IntRange(1))
@chain_options
@json_option
def decide(connection: Connection, case: int, as_json: bool) -> None:
    """End CASE, once most have voted alike or the time to vote is over. Anybody may.

    \b
    Example:
      twopm-zk converse decide 3
    """
    contract = open_view(connection).network.conversations
    contract.decide(case)
    verdict = contract.case(case).verdict.name.lower()
    emit(as_json, {"case": case, "verdict": verdict}, f"Case {case} is decided: {verdict}.")
