"""The next command after an error: by its kind, or by the name of a contract's refusal.

The library knows nothing of commands: its errors carry kind and values, and this is the only place that turns them
into what to type next. Where nothing is listed here, the error's own hint stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twopm_zk.errors import TransactionError, TwopmError

Values = Mapping[str, Any]

_AFTER_PHASE = {
    0: "There is no such task; see `twopm-zk task list`.",
    1: "It is not open yet: its coordinator says `twopm-zk task open {task}`.",
    2: "Nodes are joining: `twopm-zk node join SPEC --task {task}`.",
    3: "It is collecting updates; `twopm-zk task close {task}` ends that.",
    4: "Its round is closed: go on with `twopm-zk aggregate SPEC --task {task}`, "
    "`twopm-zk certify SPEC --task {task}` or `twopm-zk task reopen {task}`.",
    5: "It is finished; see `twopm-zk task show {task}`.",
}


def _after_phase(values: Values) -> str:
    return _AFTER_PHASE[values["phase"]].format(task=values["taskId"])


def _after_unclosed(facts: Values) -> str:
    return _AFTER_PHASE[facts["phase"]].format(task=facts["task"])


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _missing_stake(values: Values) -> str:
    missing = values["minimum"] - values["stake"]
    return f"{missing} wei of ETH are missing: `twopm-zk stake add AMOUNT`."


def _without(facts: Values) -> str:
    return " ".join(f"--exclude {node}" for node in facts["nodes"])


Step = str | Callable[[Values], str]
"""A sentence with the values' names in braces, or what makes one of the values."""

_BY_KIND: dict[str, Step] = {
    "round-not-closed": _after_unclosed,
    "not-the-coordinator": "Give the coordinator's key: --keystore FILE or TWOPM_ZK_PRIVATE_KEY.",
    "openings-missing": "`twopm-zk coordinator collect {spec} --task {task}` waits for them; "
    "`twopm-zk task reopen {task} --exclude ADDRESS` goes on without a node.",
    "too-few-rows": "`twopm-zk task reopen {task}` starts the round again, with all nodes.",
    "last-round": "Next: `twopm-zk certify {spec} --task {task}`, or `twopm-zk task finish {task}`.",
    "last-round-uncertified": "Next: `twopm-zk task finish {task}`.",
    "not-certifiable": "Next: `twopm-zk aggregate {spec} --task {task}`.",
    "matrix-lost": "Nodes keep it: `twopm-zk node matrix {matrix} --out FILE`; give it as --matrix FILE.",
    "partial-sum-lost": "Start the round again: `twopm-zk task reopen {task}`.",
    "openings-refused": lambda facts: (
        "Go on without them: `twopm-zk task reopen {task} ".format(**facts) + f"{_without(facts)}`."
    ),
    "not-enough-nodes": "Run `twopm-zk coordinator collect {spec}` until all have enrolled.",
    "no-data": "Give --data FILE.",
    "no-state-file": "Give --state FILE.",
    "column-outside": "Give public constants that centre and scale it, for instance --scaling with "
    '{{"{column}": {{"centre": 0, "scale": 64}}}}.',
    "stake-too-low": "Stake more: `twopm-zk stake add`.",
    "operator-without-endpoint": "It publishes one with `twopm-zk operator run SPEC --task {task}`.",
    "request-not-accepted": "Ask again, or another operator: `twopm-zk predict` with --operator ADDRESS.",
    "request-not-answered": "It may still be answered. Wait longer the next time: --timeout SECONDS.",
    "no-predict-verifier": "Its deployer adds it: `twopm-zk deploy --help`.",
    "no-task": "See `twopm-zk task list`.",
    "not-installed": "Run `make setup`.",
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
    "no-anvil": "Run `make setup`, or set TWOPM_ZK_ANVIL to an anvil binary.",
    "no-account": "Give --keystore FILE, or set TWOPM_ZK_PRIVATE_KEY.",
    "no-private-key": "Set TWOPM_ZK_PRIVATE_KEY to one, or give --keystore FILE.",
    "no-funds": "Send ETH for gas to {account} first.",
    "low-funds": "Send {missing} ETH to {account}, and deploy again: what is there already is not paid for twice.",
    "other-journal": "Give another --deployment FILE, or --force to begin anew.",
    "not-the-owner": "Sign as {owner}: --keystore FILE or TWOPM_ZK_PRIVATE_KEY.",
    "not-a-deployment": "Give --deployment FILE: one that `twopm-zk deploy` wrote, here or for whoever deployed.",
    "other-chain": "Give the node of that chain with --rpc-url, or another --deployment FILE.",
    "code-lost": "A development chain that was started again has lost its contracts: `twopm-zk deploy --force`.",
    "no-verifiers": lambda facts: (
        "Whoever deployed adds them: `twopm-zk deploy " + " ".join(f"--add {name}" for name in facts["missing"]) + "`."
    ),
    "too-few-tokens": "On a development chain `twopm-zk stake add AMOUNT --asset 2 --mint` makes stand-in rETH.",
    "too-few-shares": "See `twopm-zk stake show`; amounts are tokens, or shares with --shares.",
    "port-taken": "Give another one: `twopm-zk chain --port 8546`, or 0 for a free one.",
    "retired-verifiers": "Agree on other instances in the specification, or on another deployment.",
}
"""By an error's ``kind``, from its ``facts``."""

_REFUSALS: dict[str, Step] = {
    "WrongPhase": _after_phase,
    "NotTheCoordinator": "Sign as the coordinator that `twopm-zk task show {taskId}` names. Others can close, or "
    "reopen without leaving anybody out, once the deadline has passed.",
    "BelowMinimum": "Wait for more nodes; after the deadline start again with `twopm-zk task reopen TASK`.",
    "EnoughNodes": "Enough nodes are there: `twopm-zk task close TASK`.",
    "DeadlineNotReached": "`twopm-zk task show TASK` says when the deadline is.",
    "RoundsLeft": "A task that has begun ends with `twopm-zk certify`, or after its last round.",
    "RoundLimit": "All rounds are used: `twopm-zk certify`, or `twopm-zk task finish TASK` without a certificate.",
    "TooManyExcluded": "Leave out {limit} at a time.",
    "CannotTakeOver": "Only who took part in an attempt that was not aggregated in time can take over.",
    "AlreadyMember": "This account is a member since block {since}.",
    "CurrentlyPaused": "EigenLayer has paused deposits or withdrawals for now. Your stake stays where it is; "
    "try again later.",
    "WithdrawalDelayNotElapsed": "EigenLayer's delay is not over; `twopm-zk stake show` says when.",
    "WithdrawalNotQueued": "It is completed already; see `twopm-zk stake show`.",
    "StakeLocked": lambda values: f"A dispute holds it until {_moment(values['until'])}.",
    "NotAMember": "Join first: `twopm-zk node join SPEC`.",
    "NotAMemberBeforeTheRound": "Join with `twopm-zk node join SPEC`, and take part from the next round on.",
    "StakeTooLow": _missing_stake,
    "NotOffered": "Its operator offers it with `twopm-zk operator run SPEC --task {taskId}`.",
    "NoModel": "See `twopm-zk task list`.",
    "UnknownAsset": "See `twopm-zk stake show` for the assets.",
    "TooFewShares": "See `twopm-zk stake show`; amounts are tokens, or shares with --shares.",
    "ERC20InsufficientBalance": "The account holds fewer tokens of this asset; another one is --asset NUMBER.",
    "StillExiting": lambda values: (
        f"The exit delay is over at {_moment(values['availableAt'])}; `twopm-zk stake withdraw` takes it out then."
    ),
    "NothingToWithdraw": "Start with `twopm-zk stake unstake AMOUNT`.",
    "WrongVerifier": "The deployment lacks a verifier of this specification: `twopm-zk deploy --instance NAME`.",
    "InvalidProof": "The proof is valid here: the deployed verifier is of another key. Give the ptau that it was "
    "deployed with, --ptau FILE; development files differ from machine to machine.",
}


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
