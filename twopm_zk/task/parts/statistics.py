"""What a task proves of its certified weights besides the certificate."""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.task.canonical import Json


@dataclass(frozen=True)
class Statistics:
    """What is collected once the weights are certified, each over all nodes; see docs/statistics.md."""

    information: bool = False
    """At the certified weights, for standard errors. Newton's rule has it already, and a family whose information is
    the same at all weights."""
    evaluation: bool = False
    """How well the weights predict the rows that they were trained on."""
    held_out: bool = False
    """How well they predict rows that nodes have registered apart from those, and that took no part in training."""

    @property
    def evaluates(self) -> bool:
        """Whether there is an evaluation of any rows."""
        return self.evaluation or self.held_out

    @property
    def document(self) -> dict[str, Json]:
        """The table ``[statistics]`` as JSON; empty where nothing is asked for."""
        asked: dict[str, Json] = {
            "information": self.information,
            "evaluation": self.evaluation,
            "held_out": self.held_out,
        }
        return {"statistics": asked} if any(asked.values()) else {}
