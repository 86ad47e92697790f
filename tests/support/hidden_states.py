"""Made-up hidden states, whose next tokens follow through an output matrix after a change of low rank."""

import numpy as np

from twopm_zk.conversation.training import Examples

WIDTH, VOCABULARY, RANK = 12, 30, 3


def made_up(count=160, seed=0):
    """The output matrix, the same for every seed, and examples."""
    random = np.random.default_rng(seed)
    shared = np.random.default_rng(99)
    output = shared.normal(0, 1, (VOCABULARY, WIDTH)).astype(np.float32)
    change = shared.normal(0, 1, (WIDTH, 2)) @ shared.normal(0, 1, (2, WIDTH))
    hidden = random.normal(0, 1, (count, WIDTH)).astype(np.float32)
    return output, Examples(hidden, ((hidden + hidden @ change.T) @ output.T).argmax(1))
