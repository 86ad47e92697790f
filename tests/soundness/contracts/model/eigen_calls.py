"""Calls of EigenLayer 1.4: which of its rules each breaks, and what becomes of one that breaks none."""

from soundness.contracts.model.eigenlayer import DEALLOCATION, WITHDRAWAL, Accounts
from soundness.contracts.model.rules import snake

PANIC = "Panic"
"""An underflow of EigenLayer's own."""


class EigenLayer(Accounts):
    """``now`` is (block, time) of the call."""

    def refusals(self, now, actor, function, arguments):
        return set(getattr(self, f"_no_{snake(function)}")(now[0], actor, *arguments))

    def apply(self, now, actor, function, arguments):
        getattr(self, f"_do_{snake(function)}")(now[0], actor, *arguments)

    def _stopped(self):
        if self.paused:
            yield "CurrentlyPaused"

    def _no_register_for_operator_sets(self, block, actor):
        yield from self._stopped()
        if self.delegated.get(actor) != actor:
            yield "InvalidOperator"
        if self.slashable(block, actor):
            yield "AlreadyMemberOfSet"

    def _do_register_for_operator_sets(self, block, actor):
        self.members.add(actor)

    def _no_deregister_from_operator_sets(self, block, actor, operator):
        yield from self._stopped()
        if actor != operator:
            yield "InvalidCaller"
        if operator not in self.members:
            yield "NotMemberOfSet"

    def _do_deregister_from_operator_sets(self, block, actor, operator):
        self.members.remove(operator)
        self.until[operator] = block + DEALLOCATION

    def _no_modify_allocations(self, block, actor, asset, magnitude):
        yield from self._stopped()
        if self.delegated.get(actor) != actor:
            yield "UninitializedAllocationDelay"
        found = self.allocation(block, actor, asset)
        if found.effect:
            yield "ModificationAlreadyPending"
        more = magnitude - found.current
        if more == 0:
            yield "SameMagnitude"
        if more > 0 and self._bound(block, actor, asset) + more > self.magnitude(actor, asset):
            yield "InsufficientMagnitude"

    def _do_modify_allocations(self, block, actor, asset, magnitude):
        found = self._settle(block, actor, asset)
        more = magnitude - found.current
        if more > 0:
            self.encumbered[actor, asset] += more
            found.pending, found.effect = more, block + self.delays[actor]
        elif self.slashable(block, actor) and found.current:
            found.pending, found.effect = more, block + DEALLOCATION + 1
        else:
            self.encumbered[actor, asset] += more
            found.current, found.effect = magnitude, block

    def _no_deposit_into_strategy(self, block, actor, asset, amount):
        if not self.tokens[asset].can(actor, amount):
            yield "*"  # the token's own word
        elif self._bought(actor, asset, amount) == 0:
            yield "NewSharesZero"
        if self.factor(actor, asset) == 0:
            yield "FullySlashed"

    def _do_deposit_into_strategy(self, block, actor, asset, amount):
        shares = self._bought(actor, asset, amount)
        self.tokens[asset].move(actor, self.strategies[asset], amount)
        self.total[asset] += shares
        self.credit(actor, asset, shares)

    def _no_delegate_to(self, block, actor, operator):
        if actor in self.delegated:
            yield "ActivelyDelegated"
        if self.delegated.get(operator) != operator:
            yield "OperatorNotRegistered"
        if any(not self.magnitude(operator, asset) for asset in self.listed[actor]):
            yield "FullySlashed"

    def _do_delegate_to(self, block, actor, operator):
        self.delegated[actor] = operator
        for asset in self.listed[actor]:
            self.credit(actor, asset, self.deposits.pop((actor, asset)))

    def _no_undelegate(self, block, actor):
        if actor not in self.delegated:
            yield "NotActivelyDelegated"
        elif self.delegated[actor] == actor:
            yield "OperatorsCannotUndelegate"
        for asset in self.strategies:
            yield from self._short(actor, asset, self.deposits[actor, asset])

    def _do_undelegate(self, block, actor):
        for asset in list(self.listed[actor]):
            self._queue(block, actor, self.delegated[actor], asset, self.deposits[actor, asset])
        del self.delegated[actor]

    def _short(self, staker, asset, deposits):
        """Roundings can leave an operator with a few shares less than all that its delegators take out."""
        operator = self.delegated.get(staker)
        if operator and self.withdrawable(staker, asset, deposits) > self.shares[operator, asset]:
            yield PANIC

    def _no_queue_withdrawals(self, block, actor, asset, deposits):
        if deposits == 0:
            yield "SharesAmountZero"
        if deposits > self.deposits[actor, asset]:
            yield "SharesAmountTooHigh"
        yield from self._short(actor, asset, deposits)

    def _do_queue_withdrawals(self, block, actor, asset, deposits):
        self._queue(block, actor, self.delegated.get(actor), asset, deposits)

    def _no_complete_queued_withdrawal(self, block, actor, number, as_tokens):
        one = self.withdrawals[number]
        if actor != one.staker:
            yield "WithdrawerNotCaller"
        if not one.open:
            yield "WithdrawalNotQueued"
        if block <= one.start + WITHDRAWAL:
            yield "WithdrawalDelayNotElapsed"
        if not as_tokens and self.drawn(one) and self.factor(one.staker, one.asset) == 0:
            yield "FullySlashed"

    def _do_complete_queued_withdrawal(self, block, actor, number, as_tokens):
        one = self.withdrawals[number]
        one.open, shares = False, self.drawn(one)
        if shares and as_tokens:
            self._pay(one.asset, shares, one.staker)
        elif shares:
            self.credit(one.staker, one.asset, shares)

    def _no_burn_shares(self, block, actor, asset):
        return ()

    def _do_burn_shares(self, block, actor, asset):
        if shares := self.burnable.pop(asset, 0):
            self._pay(asset, shares, "burnt")
