"""A part in tasks of HLRContract: what has happened in them as news, and how they have ended."""

from __future__ import annotations

from typing import Generic

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.participants.attempts import certified_round, read_history
from twopm_zk.participants.rounds.role import Role, Store
from twopm_zk.participants.task_view import ChainView
from twopm_zk.participants.watch import describe
from twopm_zk.task.specification import TaskSpec


class Participant(Role[ChainView, TaskSpec, Store], Generic[Store]):
    """One account's part in tasks of one specification, with a store that belongs to account and deployment."""

    def _tell_events(self, state: TaskSnapshot, first: int, *, account: str | None = None) -> None:
        """News of what has happened to a task since the block ``first``; ``account`` is called "this node", and hears
        nothing of the others of a large task."""
        if first <= state.block:
            of = account if self.view.is_large(state) else None
            for event in self.view.task_events(state.id, from_block=first, to_block=state.block, account=of):
                self._notify(describe(event, self.spec, account=account, state=state))

    def _tell_end(self, state: TaskSnapshot, *, whole: bool = True) -> None:
        """News of a finished task: what it is certified for, and where its ``whole`` history is read, over what."""
        covered = certified_round(read_history(self.view, state)) if state.certified and whole else ()
        nodes = covered[0].view.nodes if covered else ()
        total = covered[0].view.total if covered else None
        rows = None if total is None else total.rows
        text = f"task {state.id} is finished, {'' if state.certified else 'not '}certified"
        if state.certified:
            text += f": gradient at most {state.bound_per_row:.2e} per row"
            text += f", over {rows} rows of {len(nodes)} nodes ({', '.join(nodes)})" if whole else ""
        insecure = self.view.insecure_verifiers(state.id)
        if insecure:
            text += ". INSECURE KEYS: nothing of this is proven to anybody"
        values = {
            "task": state.id,
            "certified": state.certified,
            "insecure_keys": insecure,
            "rounds": state.round,
            "nodes": list(nodes),
            "rows": rows,
            "gradient_bound_per_row": state.bound_per_row,
            "coefficients": self.spec.coefficients(state.weights),
        }
        self._say("finished", text, values)
