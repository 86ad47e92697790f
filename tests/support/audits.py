"""What tests of audits on a chain share."""

from dataclasses import replace

from support.people_world import SPEC, Running

from twopm_zk.task.parts.step_rule import StepRule

SOON = replace(SPEC, gradient_bound=0.05, step=StepRule("bfgs"))
"""Certified after few rounds."""


def train(party):
    nodes = [party.node(number) for number in range(len(party.sizes))]
    with Running(party.coordinator(), *nodes) as running:
        running.wait(180)
