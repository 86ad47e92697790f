"""A data owner's node: it registers its data, proves its updates round after round, and shares them under masks.

What happens next follows from the chain and from the node's store alone, so a node that is killed goes on where it
was. Nothing private leaves it: the chain gets commitments, proofs, and one share for each sum, which tells nothing but
together with those of all others.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.errors import DeploymentError, InputError, RangeError, SpecError, TransactionError
from twopm_zk.node.privacy_part import PrivacyPart, RowsBudget
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.sharing_part import SharingPart
from twopm_zk.node.store import NodeStore, StoredBatch, StoredUpdate
from twopm_zk.participants.attempts import fixed_rows, read_attempt
from twopm_zk.participants.loop import HANDED_IN, OVERTAKEN
from twopm_zk.participants.moving import Standstill, gone, move_on, standstill
from twopm_zk.participants.news import Notify, ignore
from twopm_zk.participants.participant import Participant
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.rounds.attested import REFUSED, unattested
from twopm_zk.participants.rounds.descent import require_start
from twopm_zk.participants.rounds.membership import has_withdrawn, hindrance, is_registered, register_key
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.privacy.plan import Noise
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.rows.check import without_held_out
from twopm_zk.rows.sources import RowData
from twopm_zk.sharing import Conditions
from twopm_zk.statements import RowsStatement
from twopm_zk.task.instances import RowsInstances
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Consent:
    """Limits below which a node takes no part, whatever the task says; 0 stands for the specification's own minimum."""

    minimum_nodes: int = 0
    minimum_rows: int = 0
    allow_insecure: bool = False
    """Take part on a public chain although the secret of a verifier's key may be known."""
    accounts: frozenset[str] = frozenset()
    """Accounts that must be in the set that this node shares with."""
    refuse_after_silence: bool = False
    """Share no more after another node was left out for silence, whatever that costs; see `sharing.Conditions`."""
    budget: RowsBudget = field(default_factory=RowsBudget)
    """What may be published of the privacy of these rows in all tasks together."""


class Node(Participant[NodeStore]):
    """One data owner's part in one task.

    ``table`` holds the unscaled rows, and ``held_out`` those that the trained weights are evaluated on, where the
    specification has that; without them the batches are those of the store. ``coordinator`` is the address that the
    owner has agreed to work with; ``task`` its task, else the newest one of this specification.
    """

    def __init__(
        self,
        view: ChainView,
        spec: TaskSpec,
        store: NodeStore,
        *,
        prover: StatementProver,
        coordinator: str,
        table: RowData | None = None,
        held_out: RowData | None = None,
        task: int | None = None,
        consent: Consent | None = None,
        notify: Notify = ignore,
        poll: float = 2.0,
        chunk: int = 1,
    ) -> None:
        super().__init__(view, spec, store, poll=poll, notify=notify)
        self._prover, self._chunk = prover, max(1, chunk)
        self._coordinator, self._task = coordinator, task
        self._consent = consent or Consent()
        if spec.instances is None:
            raise SpecError("a task without `instances` cannot be proven", hint="Name them in the specification.")
        self._instances = RowsInstances.of(spec.instances)
        self._privacy = PrivacyPart(view, spec, store, self._consent.budget)
        if table is not None:
            self._say("preparing", "preparing the rows: a commitment to each batch of them")
        self._batches = load_batches(store, spec, table, held_out=held_out)
        if (said := without_held_out(spec)) and not any(entry.held_out for entry in self._batches):
            self._say("no-held-out", said)
        self._sharing = SharingPart(
            view, spec, store, conditions=self._conditions(), privacy=self._privacy, say=self._say_once
        )
        self._registered = False
        self._accepted_task: int | None = None
        self._unprovable: set[tuple[int, int]] = set()
        self._patience = random.randint(2, 6)  # noqa: S311 - so that not all nodes act at once

    # --- one look at the chain ---

    def tick(self) -> bool:
        """Do what there is to do; whether the task is finished."""
        if not self._registered:
            self._register()
        state = self._find_task() if self._task is None else self.view.state(self._task)
        if state is None:
            self._say_once("waiting", f"waiting for coordinator {self._coordinator} to create the task")
            self._registered = is_registered(self.view, self._batches[0].batch.commitment)
            return False
        self._require_acceptable(state)
        self._watch(state)
        if state.phase is Phase.FINISHED:
            self.store.forget_rounds(state.task_key, before=None)
            self._tell_end(state, whole=not self.view.is_large(state))
            return True
        if state.phase in (Phase.CREATED, Phase.COLLECTING) and has_withdrawn(self.view, state):
            self._tell_withdrawn(state)
            return True
        if state.phase is Phase.COLLECTING and not state.late:
            self._take_part(state)
        elif state.phase in (Phase.READY, Phase.SHARING, Phase.SUMMED, Phase.DISPUTED):
            self._sharing.act(state, self._batches)
        if state.late or state.set_is_dead or state.phase is Phase.DISPUTED:
            self._unstick(state)
        return False

    def _conditions(self) -> Conditions:
        consent = self._consent
        return Conditions(
            nodes=max(consent.minimum_nodes, self.spec.minimum_nodes),
            rows=self.spec.minimum_node_rows,
            accounts=consent.accounts,
            refuse_after_silence=consent.refuse_after_silence,
        )

    def _register(self) -> None:
        if self.view.member(self.view.address) is None:
            require_verifiers(self.view, self.spec)
            self.view.identity.join("", b"")
        register_key(self.view, self.store)
        self._say("registering", f"registering {len(self._batches)} batches, where they are not registered yet")
        self._batches = register(self.view, self.store, self.spec)
        self._registered = True
        self._say("registered", f"{len(self._batches)} batches are registered", {"batches": len(self._batches)})
        for terms in (self.spec.data_terms, self.spec.held_out_terms):
            self._attested(terms.id, [entry for entry in self._batches if entry.held_out is terms.held_out])

    def _find_task(self) -> TaskSnapshot | None:
        """The newest task of specification and coordinator that is not over, or that this node took part in."""
        return self.view.newest_task(
            self.spec.spec_hash,
            lambda state: state.phase is not Phase.FINISHED or self.store.block(state.task_key) is not None,
            creator=self._coordinator,
        )

    def _require_acceptable(self, state: TaskSnapshot) -> None:
        if self._accepted_task == state.id:
            return
        require_spec(state, self.spec)
        require_start(self.view, state, self.spec)
        nodes = self._consent.minimum_nodes or self.spec.minimum_nodes
        rows = self._consent.minimum_rows or self.spec.minimum_rows
        for what, found, wanted in (("nodes", state.minimum_nodes, nodes), ("rows", state.minimum_rows, rows)):
            if found < wanted:
                raise InputError(
                    f"task {state.id} goes on with {found} {what}; this node takes part from {wanted} on",
                    hint=f"Ask for a task with more {what}, or lower this node's own minimum.",
                )
        self._require_verifiers(state)
        self._privacy.require(state)
        self._accepted_task = state.id
        cost = (
            f"; silence or rubbish once others have shared costs {state.stake_penalty} wei"
            if state.stake_penalty
            else ""
        )
        self._say("task", f"taking part in task {state.id}{cost}", {"task": state.id, "penalty": state.stake_penalty})

    def _require_verifiers(self, state: TaskSnapshot) -> None:
        known = {verifier.address: name for name, verifier in self.view.deployment.verifiers.items()}
        events = self.view.hlr.contract.events("VerifierFixed", from_block=self.view.deployment.block, taskId=state.id)
        for event in events:
            if event["verifier"] not in known:
                raise DeploymentError(f"task {state.id} uses a verifier that the deployment file does not have")
            if known[event["verifier"]] not in self.spec.round_instances.names:
                raise DeploymentError(
                    f"task {state.id} uses the verifier of {known[event['verifier']]}, which its specification lacks"
                )
            if event["insecure"] and self.view.public and not self._consent.allow_insecure:
                raise DeploymentError(
                    f"task {state.id} uses verifiers of development keys on chain {self.view.chain.chain_id}: "
                    "whoever knows their secret can prove anything",
                )

    def _watch(self, state: TaskSnapshot) -> None:
        seen = self.store.block(state.task_key)
        first = self.view.deployment.block if seen is None else seen + 1
        self._tell_events(state, first, account=self.view.address)
        if state.block >= first:
            self.store.set_block(state.task_key, state.block)

    # --- collecting ---

    def _take_part(self, state: TaskSnapshot) -> None:
        if not self._may_take_part(state):
            return
        attempt = Attempt.of(state)
        self.store.forget_rounds(state.task_key, before=attempt)
        done = {update.data for update in self.view.updates(state, node=self.view.address)}
        in_time = self._in_time(state)
        last = max((entry.place or 0 for entry in self._batches if entry.batch.commitment in done), default=-1)
        waiting = [entry for entry in in_time if entry.place is not None and entry.place > last]
        stored = self.store.updates(attempt)
        if state.certified and not stored and not self._can_prove(state, waiting):
            return
        try:
            noise = self._privacy.noise(state)
        except SpecError as error:
            self._say_once("unprovable", f"{state.name()}: {error.message}", key=state.key)
            return
        carried = {in_time[0].number: noise} if in_time and noise is not None else {}
        for start in range(0, len(waiting), self._chunk):
            part = waiting[start : start + self._chunk]
            stored |= self._proven(state, attempt, part, stored, noise=carried)
            for entry in part:
                if not self._submit(state, entry, stored[entry.number]):
                    return

    def _in_time(self, state: TaskSnapshot) -> list[StoredBatch]:
        """This node's batches of the round's data set that were registered early enough for the contract."""
        asked = [entry for entry in self._batches if entry.held_out is state.held_out]
        if not asked:
            text = f"{state.name()} collects the {state.collected}, of which this node has none: it takes no part in it"
            self._say_once("waiting", text, key=state.key)
        if (fixed := fixed_rows(self.view, state)) is not None:  # the others would share with no other rows
            began = self._began_with(state, asked, frozenset(fixed.get(self.view.address, ())))
            return self._attested(state.collected_dataset, began, state)
        me = self.view.address
        registered = self.view.registrations(state.collected_dataset, before=state.data_before, owner=me)
        known = frozenset(registered.get(me, ()))
        found = [entry for entry in asked if entry.batch.commitment in known]
        if late := len(asked) - len(found):
            held_out, first = ("held-out ", "the task's first round") if state.held_out else ("", "the round")
            self._say_once(
                "late-rows",
                f"{state.name()} goes without {late} of this node's {len(asked)} {held_out}batches: they were "
                f"registered after {first} had opened",
                {"batches": late, "registered": len(asked)},
                key=state.key,
            )
        return self._attested(state.collected_dataset, found, state)

    def _attested(
        self, dataset: bytes, batches: Sequence[StoredBatch], state: TaskSnapshot | None = None
    ) -> list[StoredBatch]:
        """Those of the batches that an update may use, where the data set asks for attestations, and the news of the
        others: an attestation may come while this node waits."""
        missing = unattested(self.view, dataset, self.view.address, [entry.batch.commitment for entry in batches])
        if missing is None:
            return list(batches)
        names = frozenset(missing.commitments)
        where = "" if state is None else f"{state.name()}: "
        self._say_once(
            "not-attested",
            f"{where}{len(names)} of this node's {len(batches)} batches cannot be used so far: {missing.sentence()}",
            {"commitments": list(missing.commitments), "issuers": list(missing.issuers)},
            key=(None if state is None else state.key, missing),
        )
        return [entry for entry in batches if entry.batch.commitment not in names]

    def _began_with(
        self, state: TaskSnapshot, asked: Sequence[StoredBatch], fixed: frozenset[int]
    ) -> list[StoredBatch]:
        """Those of the batches that a linear regression goes on with, and once the news of the others."""
        others = [str(entry.number) for entry in asked if entry.batch.commitment not in fixed]
        if others:
            self._say_once(
                "late-rows",
                f"task {state.id} goes on without {len(others)} of this node's {len(asked)} batches "
                f"({', '.join(others)}): they are not among the rows that this linear regression began with, and it "
                "takes no others",
                {"batches": len(others), "registered": len(asked)},
                key=state.id,
            )
        return [entry for entry in asked if entry.batch.commitment in fixed]

    def _can_prove(self, state: TaskSnapshot, entries: Sequence[StoredBatch]) -> bool:
        """Whether all these batches have an update at the certified weights.

        Held-out rows may be further from what the weights expect of them than a proof accepts. Then this node hands in
        nothing in the round, also nothing of its other batches: a part of its rows would look better than all of them.
        """
        if (state.id, state.round) in self._unprovable:
            return False
        for entry in entries:
            try:
                entry.batch.statement(state.collection, state.policy.context, state.weights).tally()
            except RangeError as error:
                self._unprovable.add((state.id, state.round))
                text = f"this node takes no part in the {state.collected} of task {state.id}, for batch {entry.number}"
                self._say("unprovable", f"{text}: {error.message}", {"batch": entry.number})
                return False
        return True

    def _may_take_part(self, state: TaskSnapshot) -> bool:
        me = self.view.address
        if (why := hindrance(self.view, state)) is not None:
            self._say_once(why.kind, why.text, key=why.key)
            return False
        if me not in (fixed_rows(self.view, state) or (me,)):
            text = (
                f"{state.name()}: this linear regression goes on with the nodes that it began with, not with this one"
            )
            self._say_once("waiting", text, key=state.key)
            return False
        if lost := gone(self.view, state) if state.attempt and not state.certified else ():
            self._say_once("hopeless", Standstill(lost, lost).sentence(state), {"missing": list(lost)}, key=state.key)
            return False
        return True

    def _proven(
        self,
        state: TaskSnapshot,
        attempt: Attempt,
        part: Sequence[StoredBatch],
        stored: Mapping[int, StoredUpdate],
        *,
        noise: Mapping[int, Noise],
    ) -> dict[int, StoredUpdate]:
        """Updates of some batches with their proofs, from what is ``stored`` or made now.

        ``noise`` says which batch carries it: the first one, because those before a deadline are the first ones.
        """
        model, found = state.model_commitment, {}
        statements: dict[int, RowsStatement] = {}
        for entry in part:
            known = stored.get(entry.number)
            if known is None or known.model != model:
                tally = entry.batch.tally(state.collection, state.weights)
                drawn = noise[entry.number].draw() if entry.number in noise else ()
                known = self.store.begin_update(
                    attempt, entry.number, model, state.collection, state.family, tally, drawn
                )
            found[entry.number] = known
            if known.proof is None:
                statements[entry.number] = entry.batch.statement(
                    state.collection,
                    state.policy.context,
                    state.weights,
                    known.opening,
                    noise=self.spec.sizes.noise.get(state.collection, 0),
                )
        if statements:
            asked = sum(entry.held_out is state.held_out for entry in self._batches)
            self._say("proving", f"proving {len(statements)} of {asked} batches in {state.name()}")
            jobs = [(self._instances.name(state.collection, said.shape.rows), said) for said in statements.values()]
            numbers = list(statements)

            def keep(index: int, result: ProofResult) -> None:
                number, proof = numbers[index], proof_numbers(result)
                self.store.set_proof(attempt, number, proof)
                found[number] = replace(found[number], proof=proof)
                values = {"batch": number, "seconds": result.prove_seconds, "instance": jobs[index][0]}
                self._say("proven", f"proven batch {number} in {state.name()}", values)

            self._prover.prove(jobs, keep=keep)
        return found

    def _submit(self, state: TaskSnapshot, entry: StoredBatch, stored: StoredUpdate) -> bool:
        """Whether the attempt still goes on."""
        assert entry.place is not None  # noqa: S101 - batches are registered first
        assert stored.proof is not None  # noqa: S101 - and proven
        try:
            receipt = self.view.hlr.submit_update(
                state.id, entry.batch.shape.rows, entry.place, stored.opening.point, stored.proof
            )
        except TransactionError as error:
            now = self.view.state(state.id)
            moved = (now.key, now.phase) != (state.key, state.phase)
            if error.error in HANDED_IN:
                return True
            if error.error in REFUSED:  # it has ended since this node looked
                self._attested(state.collected_dataset, [entry], state)
                return False
            if error.error in OVERTAKEN or moved:
                self._say("overtaken", f"{state.name()} went on without batch {entry.number}: {error.message}")
                return False
            raise
        values = {"batch": entry.number, "transaction": receipt.transaction, "gas": receipt.gas_used}
        self._say("submitted", f"submitted batch {entry.number} in {state.name()}", values)
        return True

    # --- when others are late ---

    def _unstick(self, state: TaskSnapshot) -> None:
        """Where a phase is over anyone may move the task on; some patience lets the coordinator do it."""
        if state.phase is Phase.SUMMED:
            text = f"the coordinator of {state.name()} is late: anybody may prove the next step now, or take its place"
            if not self.view.is_large(state) and read_attempt(self.view, state).total is None:
                text = (
                    f"the sum of {state.name()} does not open: a node of its set has to dispute it. Where none does, "
                    f"the task can be ended {state.seconds[Phase.DISPUTED]} seconds after the deadline"
                )
            self._say_once("late", text, key=state.key)
        self._patience -= 1
        if self._patience > 0:
            return
        self._patience = random.randint(2, 6)  # noqa: S311
        if done := move_on(self.view, state):
            self._say("unstuck", f"moved on {state.name()}: {done}")
        elif (still := standstill(self.view, state)) is not None:
            kind = "hopeless" if still.hopeless else "standstill"
            self._say_once(kind, still.sentence(state), {"missing": list(still.missing)}, key=state.key)
