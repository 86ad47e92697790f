"""Paying for an answer, challenging one, and voting on a challenge: what users and members do on the chain.

A question is committed to before it is paid for, by all that its answer follows from: model, adapter, tokens, seed,
temperature and limit. So the operator can answer nothing else, and a vote is about one answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from twopm_zk.chain.networks.asking import ask_once
from twopm_zk.chain.networks.conversations import ConversationRequest, ConversationState, Verdict
from twopm_zk.chain.rpc import reading
from twopm_zk.chat.client import ConversationClient, Counterpart, Expected
from twopm_zk.chat.http import Caller
from twopm_zk.chat.kept import KeptQuestion, KeptQuestions
from twopm_zk.chat.operator import Place
from twopm_zk.chat.question import Question
from twopm_zk.chat.service import contract_of
from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.receipt import KeptAnswer, adapter_of, verify_receipt
from twopm_zk.conversation.sampling import Sampling
from twopm_zk.conversation.transcript import Execution, Transcript
from twopm_zk.errors import InputError, PeerError, TransactionError
from twopm_zk.participants.task_view import ChainView

_BACK = frozenset({ConversationState.LATE, ConversationState.REFUNDED, ConversationState.WRONG})
"""The states of a request whose fee its user has again."""


def execution_of(model: ConversationModel, question: Question) -> Execution:
    """What the answer to a question follows from. InputError for a conversation that leaves no room for an answer."""
    sampling = Sampling(question.seed, question.temperature)
    execution = model.execution(model.vocabulary.prompt(question.messages), sampling, question.max_tokens)
    if len(execution.prompt) >= model.context:
        raise InputError(
            f"a conversation of {len(execution.prompt)} tokens leaves no room for an answer: prompt and answer have "
            f"{model.context} together",
            kind="conversation-too-long",
        )
    return execution


def place_of(view: ChainView, network: int) -> Place:
    """Where conversations of a network are paid for and ruled on."""
    return Place(view.chain.chain_id, contract_of(view), network)


def client_of(view: ChainView, url: str, network: int, operator: str, *, expected: Expected) -> ConversationClient:
    """Who asks an operator of a network through a server. PeerError where the operator has published no key."""
    member = view.member(operator)
    if member is None or len(member.public_key) != 32:
        raise PeerError(f"operator {operator} has published no key", kind="operator-without-key")
    return ConversationClient(
        Caller(url),
        view.chain.account,
        Counterpart(operator, member.public_key),
        place_of(view, network),
        expected=expected,
    )


def expected_of_free(view: ChainView, network: int, operator: str) -> Expected:
    """What the receipt of a free answer has to say: the penalty of the network's terms, its adapter once the network is
    complete, and the model that the operator offers, where it offers one. InputError where there is no such network."""
    entry = reading("a network", lambda: view.networks.get(network))
    contract = view.network.conversations
    offered = contract.offer_of(network, operator)
    try:
        adapter = contract.adapter_of(network).hex()
    except TransactionError:  # it is not complete, so that nobody could challenge an answer on the chain
        adapter = None
    return Expected(model=offered.hex() if any(offered) else None, adapter=adapter, penalty=entry.terms.penalty)


def expected_of_paid(request: ConversationRequest) -> Expected:
    """What the receipt of an answer that was paid for has to say."""
    return Expected(model=request.model.hex(), adapter=request.adapter.hex(), penalty=request.penalty)


def pay(
    view: ChainView, kept: KeptQuestion, model: ConversationModel, *, maximum_fee: int, questions: KeptQuestions
) -> KeptQuestion:
    """Commit to a question and pay for its answer, unless that was done; with the number of its request.

    ``questions`` is where it is kept. Raises InputError where the network asks for more than ``maximum_fee``, or has
    another adapter than the model here, and TransactionError where the contract refuses, or where it is not known
    whether the question is on the chain: pay again then, for what was kept.
    """
    execution = execution_of(model, kept.question)
    known = [kept]

    def look() -> int | None:
        return None if known[0].nonce is None else _asked(view, kept, execution.commitment)

    def keep(nonce: int) -> None:
        known[0] = questions.write(replace(kept, nonce=nonce))

    if (request := look()) is not None:
        return questions.write(replace(kept, request=request))
    network, contract = kept.place.network, view.network.conversations
    entry = reading("a network", lambda: view.networks.get(network))
    if entry.terms.fee > maximum_fee:
        raise InputError(
            f"network {network} takes a fee of {entry.terms.fee} for an answer, more than {maximum_fee}",
            kind="fee-not-agreed",
            network=network,
        )
    adapter = contract.adapter_of(network)
    if adapter.hex() != execution.adapter:
        raise InputError(
            f"the network's model has the adapter {adapter.hex()}, the one here has {execution.adapter}",
            kind="other-adapter",
        )
    digest, prompt = bytes.fromhex(execution.model), execution.commitment
    contract.allow(entry, entry.terms.fee)  # a transaction too: before a nonce is held
    request = ask_once(
        view.chain,
        kept.nonce,
        look=look,
        keep=keep,
        ask=lambda: contract.ask(entry, kept.operator, digest, prompt, maximum_fee=maximum_fee, once=True),
        forget=lambda: questions.forget(kept),
    )
    return questions.write(replace(known[0], request=request))


def _asked(view: ChainView, kept: KeptQuestion, prompt: bytes) -> int | None:
    """The newest request that the chain has of a question; None where it has none."""
    contract, first = view.network.conversations.contract, view.deployment.block
    known: dict[str, Any] = {"networkId": kept.place.network, "user": view.address, "operator": kept.operator}
    events = reading("requests", lambda: contract.events("Asked", from_block=first, **known))
    found = [int(event["id"]) for event in events if bytes.fromhex(event["prompt"][2:]) == prompt]
    return found[-1] if found else None


def is_given_back(view: ChainView, request: int) -> bool:
    """Whether the fee of a request is its user's again, so that the same question is to be paid for anew."""
    found = reading("a request", lambda: view.network.conversations.request(request))
    return found.state in _BACK


def challenge(view: ChainView, kept: KeptAnswer, model: ConversationModel | None) -> int:
    """Challenge an answer by its receipt, as its user, with the least bond; the number of the case, 0 for a proof.

    With a ``model`` the answer is computed first: InputError where it is the model's, or where the receipt holds its
    operator to nothing. An operator that has signed another answer than it gave on the chain is slashed at once,
    without a vote: then there is no case.
    """
    signed, contract = kept.signed, view.network.conversations
    receipt = signed.receipt
    if model is not None:
        found = verify_receipt(kept, model)
        if not found.provable:
            why = "every token follows" if found.honest else "it is not signed, or of another conversation"
            raise InputError(f"the receipt holds nothing against its operator: {why}", kind="nothing-to-challenge")
    if receipt.request == 0:
        return contract.challenge_receipt(receipt.message, signed.signature)
    if reading("a request", lambda: contract.request(receipt.request)).transcript != receipt.transcript:
        contract.prove_contradiction(receipt.request, receipt.message, signed.signature)
        return 0
    return contract.challenge(receipt.request)


@dataclass(frozen=True)
class Judged:
    """What a member has found of a case."""

    case: int
    right: bool
    difference: int | None
    """The position of the first token that does not follow, if the transcript shown is the case's."""


def judge(view: ChainView, number: int, transcript: Transcript | None, model: ConversationModel) -> Judged:
    """Compute the transcript of a case again, or say what follows where none was shown.

    InputError for a transcript of another answer than the case is about, or a case that is not open. Where nobody shows
    a transcript, an answer that was paid for counts as wrong, since its operator has to keep it, and a free one as
    right, since its user has.
    """
    contract = view.network.conversations
    case = reading("a case", lambda: contract.case(number))
    if case.verdict is not Verdict.OPEN:
        raise InputError(f"case {number} is not open: {case.verdict.name.lower()}", kind="case-not-open")
    if transcript is None:
        return Judged(number, case.request == 0, None)
    if transcript.digest != case.transcript:
        raise InputError(f"the transcript is of another answer than case {number} is about", kind="other-transcript")
    execution = transcript.execution
    if (bytes.fromhex(execution.model), adapter_of(transcript)) != _model_of(view, number):
        return Judged(number, False, None)
    if case.request:
        request = reading("a request", lambda: contract.request(case.request))
        if execution.commitment != request.prompt:
            return Judged(number, False, None)
    difference = model.first_difference(transcript)
    return Judged(number, difference is None, difference)


def _model_of(view: ChainView, case: int) -> tuple[bytes, bytes]:
    """The digests of model and adapter that a case is about."""
    contract, first = view.network.conversations.contract, view.deployment.block
    (event,) = reading("a case", lambda: contract.events("Challenged", from_block=first, caseId=case))
    return bytes.fromhex(event["model"][2:]), bytes.fromhex(event["adapter"][2:])
