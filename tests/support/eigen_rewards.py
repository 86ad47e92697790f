"""What EigenLayer does off the chain with rewards, for a test: divide, make the tree, publish its root, claim.

The tree is RewardsCoordinator's: leaves of tokens (prefix 1) below leaves of earners (prefix 0), keccak-256 of both
halves, filled up with zeros. The division is the simplest one that EigenLayer's rules allow: the operator's part, and
all else for the one who has delegated.
"""

from eth_utils.crypto import keccak

OPERATORS_PART = 1_000
PARTS = 10_000
_EARNER, _TOKEN = b"\x00", b"\x01"


def divided(amount, operator, staker):
    """Earner to amount."""
    part = amount * OPERATORS_PART // PARTS
    return {operator: part, staker: amount - part}


class Distribution:
    """Amounts of one token by earner, as a tree of two levels."""

    def __init__(self, token, amounts):
        self.token, self.amounts = token, dict(sorted(amounts.items(), key=lambda item: int(item[0], 16)))

    def _token_root(self, earner):
        return keccak(_TOKEN + bytes.fromhex(self.token[2:]) + self.amounts[earner].to_bytes(32, "big"))

    def _leaves(self):
        return [keccak(_EARNER + bytes.fromhex(earner[2:]) + self._token_root(earner)) for earner in self.amounts]

    @property
    def root(self):
        first, second = self._leaves()
        return keccak(first + second)

    def claim(self, earner, root_index, *, amount=None):
        """What an earner hands in; another ``amount`` than its own is a forgery."""
        index = list(self.amounts).index(earner)
        leaf = (earner, self._token_root(earner))
        token = (self.token, self.amounts[earner] if amount is None else amount)
        return (root_index, index, self._leaves()[1 - index], leaf, [0], [b""], [token])
