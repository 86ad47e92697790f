"""All checks of `twopm_zk.circuit.soundness` on a gadget, against what the table of gadgets says of it."""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.soundness.changes import single_changes
from twopm_zk.circuit.soundness.determined import determine
from twopm_zk.circuit.soundness.domains import ContradictionError, Domains
from twopm_zk.circuit.soundness.equations import equations, input_wires, names
from twopm_zk.circuit.soundness.jacobian import free_signals

NUMBERS = re.compile(r"_\d+_\d+(?=[.\[]|$)")
INDEX = re.compile(r"\[\d+\]")
TERM = re.compile(r"([+-])\s*(?:(\d+) \* )?([A-Za-z][\w.\[\]|]*)")


def compiled(gadget, *, tree=None):
    """Its circuit; of the sources in the folder ``tree`` where that is given."""
    with TemporaryDirectory() as folder:
        main = Path(folder) / f"check-{gadget.name}.circom"
        main.write_text(gadget.source())
        return compile_circuit(main, libraries=[tree] if tree else [])


def plain(name):
    """A name without ``main`` and the numbers of anonymous components."""
    return NUMBERS.sub("", name).removeprefix("main.")


def pattern(name):
    """A plain name without indices."""
    return INDEX.sub("[#]", plain(name))


class Names:
    """Wires of a circuit by their plain names."""

    def __init__(self, circuit):
        self.symbols = circuit.load_symbols()
        self.wires = {}
        for label, wire in zip(self.symbols.labels, self.symbols.wires, strict=True):
            if wire >= 0:
                self.wires.setdefault(plain(label), []).append(wire)

    def wire(self, name):
        """The first wire of this name, or of one below a component, which then is another name of it."""
        for each in name.split("|"):
            if found := self.wires.get(each) or [
                w for n, ws in self.wires.items() if n.endswith("." + each) for w in ws
            ]:
                return found[0]
        raise KeyError(f"no constraint has a signal {name}")

    def sum(self, text):
        """A sum of signals, by wire."""
        signs = text if text[0] in "+-" else "+ " + text
        assert TERM.sub("", signs).strip() == "", text
        return {self.wire(name): int(f"{sign}{factor or 1}") for sign, factor, name in TERM.findall(signs)}

    def matching(self, patterns):
        """All names that circom has kept and that match one of the patterns."""
        labels = (label for label, wire in zip(self.symbols.labels, self.symbols.wires, strict=True) if wire >= 0)
        return [label for label in labels if matches(pattern(label), patterns)]


def matches(name, patterns):
    return any(re.fullmatch(each, name) for each in patterns)


def domains_of(circuit):
    known = Domains(equations(circuit.load_r1cs()))
    known.propagate()
    return known


# --- each check gives what it did not expect ---


def changes(gadget, circuit, witness):
    """What a gadget's inputs are is its caller's to pin; a statement pins its own."""
    found = single_changes(circuit, witness)
    skipped = names(circuit, input_wires(circuit)) if gadget.file.startswith("lib/") else []
    accepted = (name for name in found.accepted if name not in skipped and not matches(pattern(name), gadget.open))
    return [f"{name} takes another value" for name in accepted]


def jacobian(gadget, circuit, witness):
    return [
        f"{name} is free to first order"
        for name in free_signals(circuit, witness)
        if not matches(pattern(name), gadget.open)
    ]


def determination(gadget, circuit, witness):
    known = Names(circuit)
    unknown = [circuit.load_symbols().name_of[known.wire(name)] for name in gadget.unknown]
    found = determine(witness, given=known.matching(gadget.given), unknown=unknown)
    left = [f"{name} is not determined" for name in found.undetermined if not matches(pattern(name), gadget.open)]
    assumed = {f"{each.kind} {', '.join(map(pattern, each.about.split(', ')))}" for each in found.assumptions}
    return left + [f"assumes {each}" for each in sorted(assumed) if not any(re.match(p, each) for p in gadget.assumes)]


def promises(gadget, circuit):
    known, by_name = domains_of(circuit), Names(circuit)
    broken = []
    for promise in gadget.promises:
        try:
            if not kept(promise, known, by_name):
                broken.append(f"not promised: {promise}")
        except KeyError as error:
            broken.append(str(error))
    return broken


def kept(promise, known, by_name):
    """Whether the constraints keep a promise."""
    where = {by_name.wire(name): value for name, value in (promise.where or {}).items()}
    here = known.copy()
    try:
        here.assume(where)
        here.propagate()
    except ContradictionError:
        return not hasattr(promise, "sum")
    if not hasattr(promise, "sum"):
        return False
    ends = here.range_of_sum(by_name.sum(promise.sum))
    return ends is not None and promise.low <= ends[0] and ends[1] <= promise.high


CHECKS = {"changes": changes, "determination": determination, "jacobian": jacobian}


def inner_twin(gadget, witness, inputs):
    """Names of inner signals that are not what the twin computes."""
    if gadget.twin is None:
        return []
    return [name for name, value in gadget.twin(inputs).items() if witness.signal(f"main.{name}") != value]


@cache
def honest(name):
    """The circuit of the gadget of this name, from the sources as they are."""
    from soundness.circuits.gadgets import GADGETS

    return compiled(GADGETS[name])
