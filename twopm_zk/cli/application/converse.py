"""``converse``: talk with a language model whose answers anybody can compute again, here or with an operator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twopm_zk.cli.application.converse_paid import ask, challenge, decide, refund, transcript, vote
from twopm_zk.cli.application.conversing import (
    answer_of,
    emit_answer,
    how_options,
    keep_option,
    read_kept,
    shown_text,
)
from twopm_zk.cli.application.predict import AskingGroup
from twopm_zk.cli.options.connection import Connection, chain_options
from twopm_zk.cli.options.models import model_options
from twopm_zk.cli.options.participants import checked_address, open_view
from twopm_zk.cli.output import emit, json_option
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twopm_zk.chat.question import Question
    from twopm_zk.cli.application.conversing import How
    from twopm_zk.conversation.receipt import KeptAnswer
    from twopm_zk.conversation.tokens import Message
    from twopm_zk.conversation.transcript import Transcript
    from twopm_zk.conversation.worker import ModelFile

    Ask = Callable[[Question], Iterator[str | KeptAnswer | Transcript]]


class ChattingGroup(AskingGroup):
    """A group whose command `chat` goes without its name, and without a word."""

    usual = "chat"

    def spelt_out(self, words: list[str]) -> list[str]:
        """Words with the name of the command that they are for."""
        return super().spelt_out(words) if words else [self.usual]


@click.group(cls=ChattingGroup)
def converse() -> None:
    """Talk with a language model whose answers anybody can compute again, and verify what was kept of an answer.

    \b
    Examples:
      twopm-zk converse "What is the capital of France?"
      twopm-zk converse --gateway https://ask.example
      twopm-zk converse verify kept/receipt-1f0c5b6a7d21.json
    """


@converse.command()
@click.argument("text", required=False)
@click.option("--gateway", metavar="URL", help="Ask an operator through this server, sealed; else compute here.")
@click.option("--operator", metavar="ADDRESS", help="The operator to ask; default: the one that the server names.")
@click.option("--system", metavar="TEXT", help="What the model is told before the conversation begins.")
@how_options
@keep_option
@model_options
@chain_options
@json_option
def chat(
    connection: Connection,
    model: ModelFile,
    how: How,
    text: str | None,
    gateway: str | None,
    operator: str | None,
    system: str | None,
    keep: Path | None,
    as_json: bool,
) -> None:
    """Answer TEXT, or converse line by line where there is none.

    Without --gateway the model computes on this machine, and nothing leaves it. With it every question is sealed to the
    operator's key on the chain: the server that passes it on reads nothing; the operator reads all, answers one at a
    time, and signs a receipt for each answer, which --keep writes to a file. It takes an account with the stake that
    the network asks for, and no transaction.

    `chat` may be left out.

    \b
    Examples:
      twopm-zk converse "What is the capital of France?"
      twopm-zk converse chat --gateway https://ask.example --keep kept
    """
    if gateway is None:
        if operator is not None:
            raise InputError("--operator is asked through a server", hint="Give its address: --gateway URL.")
        ask = _locally(model)
    else:
        ask = _sealed(connection, gateway, operator)
    history: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    if text is not None:
        question = how.question([*history, {"role": "user", "content": text}])
        emit_answer(answer_of(ask(question), keep, quiet=as_json), as_json)
        return
    while (said := _next_line()) is not None:
        history.append({"role": "user", "content": said})
        found = answer_of(ask(how.question(history)), keep, quiet=as_json)
        emit_answer(found, as_json)
        history.append({"role": "assistant", "content": found["text"]})


def _next_line() -> str | None:
    """What somebody says next; None at the end."""
    while True:
        try:
            said = click.prompt(">", prompt_suffix=" ", err=True) if sys.stdin.isatty() else sys.stdin.readline()
        except click.Abort:
            return None
        if not sys.stdin.isatty() and said == "":
            return None
        if said.strip():
            return str(said).strip()


def _locally(file: ModelFile) -> Ask:
    """Ask the model in this process."""
    model = file.load()

    def ask(question: Question) -> Iterator[str | KeptAnswer | Transcript]:
        reply = model.chat(
            question.messages,
            seed=question.seed,
            temperature=question.temperature / 1000,
            max_tokens=question.max_tokens,
        )
        yield from reply
        yield reply.transcript

    return ask


def _sealed(connection: Connection, url: str, operator: str | None) -> Ask:
    """Ask an operator through a server."""
    from twopm_zk.chat.http import Caller
    from twopm_zk.chat.paying import client_of, expected_of_free
    from twopm_zk.chat.service import read_status

    status = read_status(Caller(url).get("/v1/status"))
    chosen = status.operator if operator is None else checked_address(operator)
    view = open_view(connection)
    expected = expected_of_free(view, status.network, chosen)
    client = client_of(view, url, status.network, chosen, expected=expected)
    if operator is None:
        click.echo(f"The operator is {chosen}: it alone reads what you say.", err=True)
    return client.ask


@converse.command()
@click.argument("file", metavar="RECEIPT.json", type=click.Path(path_type=Path))
@click.option(
    "--deployment",
    "deployment_file",
    type=click.Path(path_type=Path),
    help="Deployment file: compares the receipt's chain and contract with it.",
)
@model_options
@json_option
def verify(file: Path, deployment_file: Path | None, model: ModelFile, as_json: bool) -> None:
    """Compute an answer again, and say whether every token follows, and who has signed it.

    RECEIPT.json is a receipt that --keep or the page has left, or a transcript. Exit code 1 says that something does
    not hold: the answer is not the model's, or the receipt is not signed by the operator that it names, or is of
    another conversation than the one in the file.

    \b
    Examples:
      twopm-zk converse verify kept/receipt-1f0c5b6a7d21.json
      twopm-zk converse verify receipt.json --deployment deployment.json
    """
    from twopm_zk.conversation.receipt import Finding, verify_receipt

    kept, transcript = read_kept(file)
    _require_domain(kept, deployment_file)
    loaded = model.load()
    if kept is None:
        finding = Finding(signed=True, committed=True, difference=loaded.first_difference(transcript))
    else:
        finding = verify_receipt(kept, loaded)
    prompt = loaded.vocabulary.decode(transcript.execution.prompt)
    answer = loaded.vocabulary.decode(transcript.answer)
    document = {
        "honest": finding.honest,
        "difference": finding.difference,
        "signed": None if kept is None else finding.signed,
        "committed": None if kept is None else finding.committed,
        "receipt": None if kept is None else kept.signed.receipt.to_json(),
        "tokens": len(transcript.answer),
        "model": transcript.execution.model,
        "prompt": prompt,
        "answer": answer,
    }
    said = shown_text(f"{prompt.rstrip()}\n{answer}\n\n")
    emit(as_json, document, said + "\n".join(_verdict(kept, transcript, finding)))
    if not finding.honest:
        sys.exit(1)


def _verdict(kept: KeptAnswer | None, transcript: Transcript, finding: Any) -> list[str]:
    """What was found, in sentences."""
    count, model = len(transcript.answer), transcript.execution.model
    if finding.difference is None:
        lines = [f"All {count} tokens of the answer follow from the prompt, by model {model}."]
    else:
        lines = [f"NOT THE MODEL'S ANSWER: token {finding.difference} of {count} does not follow, by model {model}."]
    if kept is None:
        return [*lines, "It is a transcript without a receipt: nobody has signed it."]
    receipt = kept.signed.receipt
    if not finding.signed:
        lines.append(f"NOT SIGNED: the signature is not that of {receipt.operator}.")
    if not finding.committed:
        lines.append("ANOTHER CONVERSATION: the receipt is not of the transcript in this file.")
    if finding.signed and finding.committed:
        about = "without a fee" if receipt.request == 0 else f"for request {receipt.request}"
        lines.append(
            f"Operator {receipt.operator} has signed it for {receipt.user}, in network {receipt.network} of chain "
            f"{receipt.chain_id}, {about}."
        )
    return lines


def _require_domain(kept: KeptAnswer | None, deployment_file: Path | None) -> None:
    """InputError where a receipt is of another chain or contract than a deployment's."""
    from twopm_zk.chain.deployment import Deployment
    from twopm_zk.chat.service import contract_in

    if deployment_file is None or kept is None:
        return
    deployment, receipt = Deployment.read(deployment_file), kept.signed.receipt
    if receipt.chain_id != deployment.chain_id:
        raise InputError(f"the receipt is of chain {receipt.chain_id}, the deployment of chain {deployment.chain_id}")
    if receipt.contract != contract_in(deployment):
        raise InputError(f"the receipt is of contract {receipt.contract}, which is not the deployment's")


for paid in (ask, challenge, vote, decide, refund, transcript):
    converse.add_command(paid)
