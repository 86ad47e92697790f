"""The part of histories that is about data: registered, attested, withdrawn, granted; and certificates attested to."""

import random

from hypothesis import strategies as st
from hypothesis.stateful import rule

PICK = st.integers(0, 10**6)


def mixed(pick):
    """Hypothesis likes small numbers; what they choose should be anything."""
    return random.Random(pick).getrandbits(48)


class DataHistories:
    """Rules of `Histories`, which has the rest."""

    def on_data(self, pick, enabled):
        around, now = self.state.around, self.next()
        data = around.data
        kinds = data.choices(self.arena.accounts, [task for task in self.state.tasks if task.kind == "hlr"])
        _, function, _ = self.weighted([("", *call) for call in kinds], pick)
        chosen = [arguments for name, arguments in kinds if name == function]
        calls = [(actor, function, arguments) for actor in self.arena.accounts for arguments in chosen]
        if enabled:
            calls = [call for call in calls if not data.refusals(now, *call, around)]
        if not calls:
            return
        actor, function, arguments = self.weighted(calls, pick + 1)
        refusals = data.refusals(now, actor, function, arguments, around)
        name, called, given = data.real(now, actor, function, arguments)
        contract = self.arena.contract_named(name)
        if outcome := self.send(now, actor, contract, called, given, refusals):
            data.apply(now, actor, function, arguments, outcome)
            self.counts[f"data {function}"] += 1
        accounts = self.arena.accounts
        self.arena.check_data(data, {actor, accounts[mixed(pick) % len(accounts)]})

    @rule(pick=PICK)
    def handle_data(self, pick):
        self.on_data(pick, enabled=True)

    @rule(pick=PICK)
    def try_to_handle_data(self, pick):
        self.on_data(pick, enabled=False)
