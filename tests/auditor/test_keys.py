"""Keys that an auditor derives itself: side by side, from an empty cache too."""

import os
import threading

import pytest

from twopm_zk.auditor.keys import DerivedKeys
from twopm_zk.errors import CompileError


def test_instances_are_prepared_side_by_side(monkeypatch):
    both = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(DerivedKeys, "code", lambda self, instance: both.wait())
    said = []
    DerivedKeys().prepare(["certify-3", "step-48x3"], said.append)
    assert said[0] == "0 of 2: certify-3, step-48x3"
    assert {line[:6] for line in said[1:]} == {"1 of 2", "2 of 2"}
    assert {line[8:] for line in said[1:]} == {"certify-3", "step-48x3"}


def test_the_first_instance_that_cannot_be_derived_ends_the_audit(monkeypatch):
    def code(self, instance):
        raise CompileError(f"{instance} does not compile")

    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(DerivedKeys, "code", code)
    with pytest.raises(CompileError, match="a does not compile"):
        DerivedKeys().prepare(["a", *"bcdefgh"], lambda detail: None)


def test_a_task_without_known_verifiers_needs_no_keys():
    said = []
    DerivedKeys().prepare([], said.append)
    assert said == []


@pytest.mark.slow
@pytest.mark.prover
def test_keys_are_derived_in_an_empty_cache(fresh_cache, native):
    keys = DerivedKeys()
    keys.prepare(["certify-3", "predict-3"], lambda detail: None)
    assert (keys.verifier, keys.insecure("predict-3")) == ("native", True)
    assert keys.code("predict-3") != keys.code("certify-3")
    assert keys.keys("predict-3").verification_key.public == 3
