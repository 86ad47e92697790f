"""The specification: strict files, limits with names, one hash."""

import json
import re
from dataclasses import replace

import pytest
from support.small_tasks import spector_spec

from twopm_zk.circuit.instances import instances
from twopm_zk.errors import CircuitTooLargeError, InputError, SpecError
from twopm_zk.numbers.fixed_point import FEATURES, Format
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection
from twopm_zk.task.columns import Column
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.parts.data import Provenance
from twopm_zk.task.parts.step_rule import Collects, StepRule
from twopm_zk.task.specification import SECONDS, TaskSpec
from twopm_zk.task.specification_file import parse_spec, read_spec, write_spec


def document(**changes):
    base = {
        "label": "y",
        "lambda": 1,
        "features": [{"name": "a", "centre": 0, "scale": 1}, {"name": "b", "mean": 5, "sd": 2}],
    }
    return base | changes


def test_a_short_file_gets_documented_defaults():
    spec = parse_spec(document())
    assert spec.features == ("a", "b")
    assert (spec.minimum_nodes, spec.minimum_rows, spec.minimum_node_rows) == (3, 30, 8)
    assert spec.step == StepRule("bfgs", 1.9, "information")
    assert spec.instances is None
    assert spec.warnings() == []


def test_toml_and_json_of_one_task_have_one_hash(tmp_path):
    spec = spector_spec()
    write_spec(spec, tmp_path / "spec.json")
    again = read_spec(tmp_path / "spec.json")
    assert again == spec
    assert again.spec_hash == spec.spec_hash
    assert len(spec.spec_hash) == 32


def test_every_part_of_the_specification_changes_the_hash():
    spec = parse_spec(document()).provable(rows=32)
    without = replace(spec.instances, information=())
    others = [
        replace(spec, **changes)
        for changes in (
            {"columns": spec.columns[::-1]},
            {"columns": (replace(spec.columns[0], scale=2.0), spec.columns[1])},
            {"columns": (replace(spec.columns[0], low=-1.0, high=1.0), spec.columns[1])},
            {"label": "z"},
            {"name": "other"},
            {"data_name": "other"},
            {"provenance": Provenance(("0x70997970C51812dc3A010C7d01b50e0d17dc79C8",))},
            {"penalty": 2.0},
            {"weight_bound": 512.0},
            {"gradient_bound": 1e-5},
            {"decrement_bound": 0.02},
            {"step": StepRule("boehning-lindsay")},
            {"step": StepRule(factor=1.5)},
            {"step": StepRule(curvature="ranges"), "instances": without},
            {"maximum_rounds": 31},
            {"minimum_nodes": 4},
            {"minimum_rows": 31},
            {"minimum_node_rows": 9},
            *({name: 61} for name in SECONDS),
            {"maximum_updates": 1000},
            {"maximum_node_updates": 63},
            {"instances": None},
            {"instances": replace(spec.instances, predict=None)},
        )
    ]
    hashes = {other.spec_hash for other in others}
    assert len(hashes) == len(others)
    assert spec.spec_hash not in hashes


def test_the_hash_is_the_keccak_of_the_canonical_document():
    # computed once with pycryptodome's keccak over the text below
    spec = TaskSpec(columns=(Column("a"),), label="y")
    from Crypto.Hash import keccak

    text = (
        '{"decrement_bound":0.01,"features":[{"centre":0,"name":"a","scale":1}],'
        '"format":{"bits":16,"frac_bits":12},"gradient_bound":0.0009765625,"label":"y","lambda":1,'
        '"maximum":{"updates":1024,"updates_per_node":64},"minimum":{"nodes":3,"rows":30,"rows_per_node":8},"name":"",'
        '"rounds":{"aggregating_seconds":3600,"collecting_seconds":3600,"disputing_seconds":86400,"maximum":30,'
        '"ready_seconds":1800,"sharing_seconds":259200},'
        '"step":{"curvature":"information","factor":1.9,"rule":"bfgs"},"version":2,"weight_bound":1024}'
    )
    assert spec.spec_hash == keccak.new(data=text.encode(), digest_bits=256).digest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lamda": 1}, r"`lamda` is no key.*\n.*`lambda`"),
        ({"label": 3}, "`label` is not a text"),
        ({"lambda": "1"}, "`lambda` is not a number"),
        ({"lambda": True}, "`lambda` is not a number"),
        ({"lambda": -1}, r"`lambda` is -1; allowed: 0 to 4095\.99"),
        ({"lambda": 0.1}, r"`lambda` is 0\.1; it must be a multiple of 2\^-12, such as 0\.10009765625"),
        ({"lambda": float("nan")}, "`lambda` is nan"),
        ({"lambda": 10**400}, "`lambda` is too large"),
        ({"lambda": 0, "weight_bound": 2048}, "`lambda` is 0 and `weight_bound` is no bound"),
        ({"weight_bound": 4096}, "`weight_bound` is 4096; allowed"),
        ({"gradient_bound": 0}, "`gradient_bound` is 0; allowed"),
        ({"gradient_bound": 1}, "`gradient_bound` is 1; allowed.*not including"),
        ({"decrement_bound": 0}, "`decrement_bound` is 0; allowed: 1e-06 to"),
        ({"features": []}, "`features` is empty"),
        ({"features": [{"centre": 0, "scale": 1}]}, r"`features\[0\]\.name` is missing"),
        ({"features": [{"name": "a"}]}, "column 'a': give `low` and `high`"),
        ({"features": [{"name": "a", "centre": 0}]}, "'a': `centre` and `scale` come together"),
        ({"features": [{"name": "a", "centre": 0, "scale": 1, "sd": 2}]}, "'a': `mean` and `sd` serve"),
        ({"features": [{"name": "a", "centre": 0, "scale": 0}]}, "'a': `scale` is 0"),
        ({"features": [{"name": "a", "centre": 0, "scale": 1, "low": 0, "high": 9}]}, "'a': `high` is 9 after scaling"),
        ({"features": [{"name": "a", "centre": 0, "scale": 1, "low": 2, "high": 1}]}, "'a': `low` and `high`"),
        ({"features": [{"name": "y", "centre": 0, "scale": 1}]}, "`label` is 'y', which is also a feature"),
        ({"features": [{"name": "a", "centre": 0, "scale": 1}] * 2}, "'a' more than once"),
        ({"features": [{"name": "intercept", "centre": 0, "scale": 1}]}, "cannot be called 'intercept'"),
        ({"features": [{"name": "a\n", "centre": 0, "scale": 1}]}, "cannot be printed"),
        ({"features": ["a"]}, r"`features\[0\]` is not a table"),
        ({"step": {"rule": "sgd"}}, "`step.rule` is 'sgd'; allowed: boehning-lindsay, bfgs, newton, gradient"),
        ({"step": {"factor": 2}}, "`step.factor` is 2; allowed"),
        ({"step": {"curvature": "rows"}}, "`step.curvature` is 'rows'"),
        ({"step": {"rule": "newton", "curvature": "ranges"}}, "which takes information"),
        ({"format": {"bits": 32}}, "`format` has 32 bits"),
        ({"rounds": {"maximum": 0}}, "`rounds.maximum` is 0; allowed: 1 to"),
        ({"rounds": {"collecting_seconds": 10**9}}, "`rounds.collecting_seconds` is 1000000000"),
        ({"rounds": {"maximum": 1.5}}, "`rounds.maximum` is not an integer"),
        ({"minimum": {"nodes": 0}}, "`minimum.nodes` is 0"),
        ({"minimum": {"row": 4}}, r"`minimum.row` is no key.*\n.*`rows`"),
        ({"minimum": 3}, "`minimum` is not a table"),
        ({"rounds": {"maximum": 10**400}}, "`rounds.maximum` is a number of more than 64 bits; allowed"),
        ({"format": {"bits": 10**9, "frac_bits": 5}}, "`format` has 1000000000 bits"),
        ({"format": {"bits": 10**400}}, "`format` has a number of more than 64 bits bits"),
        ({"version": 1}, "`version` is 1; this release reads version 2"),
        ({"instances": {"step": ["step-48x3"]}}, "`instances.aggregate` is missing"),
        ({"instances": {"rows": 0}}, "`instances.rows` is 0; it must be 1 or more"),
        ({"instances": {"updates": 4}}, r"`instances.updates` is no key"),
        ({"instances": {"step": [3], "aggregate": "a", "certify": "b"}}, "`instances.step` is not a list of names"),
        *(({"rounds": {name: 0}}, f"`rounds.{name}` is 0; allowed: 1 to") for name in SECONDS),
        ({"maximum": {"updates": (1 << 20) + 1}}, r"`maximum.updates` is 1048577; allowed: 1 to 1048576"),
        ({"maximum": {"updates_per_node": 0}}, "`maximum.updates_per_node` is 0"),
        ({"maximum": {"updates_per_node": 1 << 16}}, "`maximum.updates_per_node` is 65536"),
        ({"maximum": {"update": 4}}, r"`maximum.update` is no key.*\n.*`updates`"),
        ({"maximum": {"updates": 4}, "minimum": {"nodes": 5}}, "`minimum.nodes` is 5; `maximum.updates` is 4"),
    ],
)
def test_each_mistake_is_named(changes, message):
    with pytest.raises(SpecError, match=f"(?s){message}"):
        parse_spec(document(**changes))


@pytest.mark.parametrize("name", ["spec.toml", "spec.json"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("{[")
    with pytest.raises(SpecError, match=r"is not (TOML|JSON)"):
        read_spec(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_spec(tmp_path / "none.toml")
    path.write_text("3" if name.endswith("json") else "")
    with pytest.raises(SpecError):
        read_spec(path)


NAMES = TaskInstances(
    ("step-48x3", "step-119x3"), "aggregate-3", "certify-3", ("information-119x3", "information-48x3"), "predict-3"
)


def with_instances(chosen, columns=2, **changes):
    return TaskSpec(columns=tuple(Column(f"x{k}") for k in range(columns)), label="y", instances=chosen, **changes)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spec.toml", "label = 'y'\nlambda = " + "9" * 5000),
        ("spec.json", '{"label": "y", "lambda": ' + "9" * 5000 + "}"),
    ],
)
def test_a_number_of_five_thousand_digits_is_an_error_of_the_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecError):
        read_spec(tmp_path / name)


def test_names_of_columns_are_compared_in_one_unicode_form():
    spec = parse_spec(document(label="o\u0308", features=[{"name": "u\u0308", "centre": 0, "scale": 1}]))
    assert (spec.features, spec.label) == (("\u00fc",), "\u00f6")
    again = parse_spec(document(label="\u00f6", features=[{"name": "\u00fc", "centre": 0, "scale": 1}]))
    assert again.spec_hash == spec.spec_hash
    twice = [{"name": name, "centre": 0, "scale": 1} for name in ("u\u0308", "\u00fc")]
    with pytest.raises(SpecError, match="more than once"):
        parse_spec(document(features=twice))


def test_paths_may_be_texts(tmp_path):
    write_spec(spector_spec(), str(tmp_path / "spec.json"))
    assert read_spec(str(tmp_path / "spec.json")) == spector_spec()


def test_shapes_follow_from_the_instances():
    sizes = with_instances(NAMES).sizes
    assert [shape.rows for shape in sizes.steps] == [48, 119]
    assert (sizes.width, sizes.round.features, sizes.largest.rows) == (3, 3, 119)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": ()}, "`instances.step` is empty"),
        ({"step": ("aggregate-3",)}, "'aggregate-3' is of Aggregate, not of Step"),
        ({"step": ("information-48x3",)}, "'information-48x3' is of Information, not of Step"),
        ({"step": ("step-48x3", "step-52x8")}, "'step-52x8' has another number of features"),
        ({"step": ("step-103x3-wide",)}, "takes 20 bits with 16 fractional, `format` says 16 with 12"),
        ({"information": ("information-48x3",)}, "`instances.information` has other sizes than `instances.step`"),
        ({"information": ("step-48x3", "step-119x3")}, "`instances.information`: 'step-48x3' is of Step"),
        ({"information": ("information-103x3-wide",)}, "takes 20 bits with 16 fractional"),
        ({"certify": "aggregate-3"}, "'aggregate-3' is of Aggregate, not of Certify"),
        ({"aggregate": "aggregate-30"}, "is for 30 features, the steps for 3"),
        ({"certify": "certify-8"}, "is for 8 features, the steps for 3"),
        ({"predict": "predict-30"}, "'predict-30' is not for 3 features"),
    ],
)
def test_instances_that_do_not_fit_each_other_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        with_instances(replace(NAMES, **changes))


def test_features_beyond_the_instances_are_refused():
    with pytest.raises(SpecError, match="4 features do not fit the 3 of 'step-48x3'"):
        with_instances(NAMES, columns=4)
    with pytest.raises(InputError, match="no circuit 'step-33x3'"):
        with_instances(replace(NAMES, step=("step-33x3",)))


def test_the_smallest_instances_are_chosen():
    def chosen(columns, **changes):
        rows = changes.pop("rows", 119)
        return with_instances(None, columns, **changes).provable(rows=rows).instances

    ranges = StepRule(curvature="ranges")
    assert chosen(2, rows=32) == TaskInstances(
        ("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",), "predict-3"
    )
    assert chosen(3, rows=100) == replace(NAMES, information=NAMES.information[::-1])
    assert chosen(3, rows=32, step=ranges) == TaskInstances(("step-48x3",), "aggregate-3", "certify-3", (), "predict-3")
    # more rows than any instance holds make several batches of the largest
    assert chosen(3, rows=10**6).step[-1] == "step-1023x3"
    assert chosen(4, rows=20).step == ("step-52x8",)
    wide = with_instances(None, format=Format(20, 16)).provable().instances
    assert (wide.step, wide.information) == (("step-103x3-wide",), ("information-103x3-wide",))
    assert chosen(20, step=ranges).step[0] == "step-75x30"
    with pytest.raises(CircuitTooLargeError, match="no logistic instances for 31 features"):
        chosen(31)
    assert chosen(12).information == ("information-23x16", "information-145x16")
    # with information only the sizes that both statements have
    assert (chosen(20).step, chosen(20).information) == (("step-75x30",), ("information-75x30",))
    with pytest.raises(CircuitTooLargeError, match="no logistic instances"):
        with_instances(None, format=Format(18, 12)).provable()


NAMES_OF_THREE = [n for n, i in instances().items() if i.template == "Step" and n.endswith("x3")]


@pytest.mark.parametrize(
    ("step", "collects"),
    [
        (StepRule(), Collects.FIRST),
        (StepRule("gradient"), Collects.FIRST),
        (StepRule("newton"), Collects.EVERY_ROUND),
        (StepRule(curvature="ranges"), Collects.NEVER),
    ],
)
def test_a_rule_says_when_information_is_collected_and_instances_have_to_follow(step, collects):
    assert step.collects is collects
    without = replace(NAMES, information=())
    right, wrong = (without, NAMES) if collects is Collects.NEVER else (NAMES, without)
    assert with_instances(right, step=step).round_instances == right
    with pytest.raises(SpecError, match=r"`instances.information` is (missing|given); `step.rule` is"):
        with_instances(wrong, step=step).round_instances  # noqa: B018
    named = {"step": list(without.step), "aggregate": without.aggregate, "certify": without.certify}
    if collects is not Collects.NEVER:
        with pytest.raises(SpecError, match=r"`instances\.information` is missing"):
            parse_spec(document(instances=named, step={"rule": step.rule, "curvature": step.curvature}))


def test_a_certificate_alone_needs_no_information():
    spec = with_instances(None, 30, step=StepRule("newton"))
    assert spec.provable(rounds=False).instances.information == ()
    assert spec.provable().instances.information == ("information-75x30",)
    with pytest.raises(SpecError, match="a task without `instances` cannot be proven"):
        spec.round_instances  # noqa: B018


def test_padding_counts_in_no_coefficient():
    spec = with_instances(NAMES, columns=2)
    spec = replace(spec, columns=(Column("a", 3.0, 0.5), Column("b", 0.0, 2.0)))
    assert spec.coefficients((1 << 20, 2 << 20, 0, 4 << 20)) == {"a": 2.0, "b": 1.0, "intercept": -2.0}


@pytest.mark.parametrize(
    ("columns", "penalty", "rows", "target"),
    [(3, 0.0, 32, 2.0**-10), (30, 1.0, 569, 2.0**-12), (1, 0.0, 100_000, 2.0**-13), (3, 4000.0, 8, 2.0**-6)],
)
def test_the_target_of_the_certificate_follows_from_the_stop_rule(columns, penalty, rows, target):
    spec = with_instances(None, columns, penalty=penalty, minimum_rows=rows, minimum_nodes=1)
    assert spec.gradient_target == target
    assert spec.document["gradient_bound"] == target
    assert spec.gradient_bound_units == int(target * 2**32)
    assert replace(spec, gradient_bound=2.5e-5).gradient_target == 2.5e-5


def test_a_file_that_leaves_the_target_out_has_the_hash_of_one_that_names_it(tmp_path):
    spec = parse_spec(document())
    write_spec(spec, tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json").spec_hash == spec.spec_hash


def test_unwise_but_allowed_choices_are_said():
    spec = parse_spec(document(**{"lambda": 0, "minimum": {"nodes": 2, "rows_per_node": 3}}))
    text = "\n".join(spec.warnings())
    for part in (
        "fewer than 3",
        "all other nodes together could tell so few rows from a sum of 3 numbers",
        "`lambda` is 0",
    ):
        assert part in text


def test_of_a_linear_regression_it_is_said_that_one_node_stops_the_others():
    linear = parse_spec(document(family="gaussian", label={"name": "y", "centre": 0.0, "scale": 1.0}))
    assert any("one that drops out stops the others until it is back" in text for text in linear.warnings())


def test_limits_of_the_policy_can_be_reached():
    spec = parse_spec(document(**{"lambda": 4095 + 4095 / 4096, "weight_bound": 2048, "minimum": {"rows": 2**32 - 1}}))
    policy = spec.policy(spec.local_task_key)
    assert (policy.penalty, policy.weight_bound, policy.min_rows) == (2**24 - 1, 2**31, 2**32 - 1)
    assert (policy.round, policy.attempt, policy.matrix_hash) == (0, 0, 0)


def test_a_document_with_every_key_is_strict_json():
    spec = spector_spec()
    assert parse_spec(json.loads(json.dumps(spec.document))) == spec
    assert spec.format == FEATURES


PRIVACY = {"epsilon": 1, "delta": 1e-6}


def private(**changes):
    return parse_spec(document(privacy=PRIVACY | changes))


def test_a_file_with_privacy_gets_a_rule_and_rounds_that_bear_noise():
    spec = private()
    assert spec.step == StepRule("gradient", 1.9, "ranges")
    assert spec.maximum_rounds == 5
    assert spec.privacy == Privacy(1.0, 1e-6, "row", None, None)
    assert spec.honest == 2
    newton = parse_spec(document(privacy=PRIVACY, step={"rule": "newton"}))
    assert newton.step == StepRule("newton", 1.9, "information")
    assert parse_spec(document()).noise is None


def test_terms_of_privacy_survive_a_file_and_each_changes_the_hash(tmp_path):
    made = [
        private(),
        private(epsilon=2),
        private(delta=1e-5),
        private(unit="node"),
        private(honest=1),
        private(clip=3),
    ]
    for spec in made:
        write_spec(spec, tmp_path / "spec.json")
        again = read_spec(tmp_path / "spec.json")
        assert again.document == spec.document
        assert again.spec_hash == spec.spec_hash
        assert (again.honest, again.privacy.clip) == (spec.honest, spec.privacy.clip)
    assert len({spec.spec_hash for spec in (*made, parse_spec(document()))}) == len(made) + 1
    assert "privacy" not in parse_spec(document()).document


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epsilon": 0}, r"`privacy\.epsilon` is 0; allowed: 0\.015625 to 20"),
        ({"epsilon": 100}, r"`privacy\.epsilon` is 100; allowed"),
        ({"delta": 0}, r"`privacy\.delta` is 0; allowed: 1e-15 to 0\.01"),
        ({"delta": 0.5}, r"`privacy\.delta` is 0\.5; allowed"),
        ({"unit": "person"}, r"`privacy\.unit` is 'person'; allowed: row, node"),
        ({"honest": 0}, r"`privacy\.honest` is 0; allowed: 1 to 3"),
        ({"honest": 4}, r"`privacy\.honest` is 4; allowed: 1 to 3"),
        ({"honest": 1.5}, r"`privacy\.honest` is not an integer"),
        ({"clip": 0}, r"`privacy\.clip` is 0; allowed: 0\.015625 to 1024"),
        ({"epsilon": None}, r"`privacy\.epsilon` is missing"),
        ({"epsilom": 1}, r"`privacy\.epsilom` is no key"),
    ],
)
def test_terms_that_no_noise_could_keep_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        private(**changes)


@pytest.mark.parametrize("weighted", [{"weights": "n"}, {"class_weights": {"positive": 2}}])
def test_privacy_does_not_go_with_weights_which_row_counts_would_tell(weighted):
    with pytest.raises(SpecError, match="`privacy` does not go with `weights`"):
        parse_spec(document(privacy=PRIVACY, **weighted))


SIGNS = [{"name": name, "centre": 0, "scale": 1, "low": -1, "high": 1, "unit": 1} for name in "abc"]


def with_steps(*steps, **changes):
    instances = {"step": list(steps), "aggregate": "aggregate-3", "certify": "certify-3"}
    return parse_spec(document(features=SIGNS, instances=instances, **changes))


@pytest.mark.parametrize(
    ("steps", "changes", "message"),
    [
        (["step-117x3-noise8"], {}, "`instances` have noise; there is no `privacy`"),
        (["step-119x3"], {"privacy": PRIVACY}, r"`instances.step` take no noise; .* needs room for 2\^8 units"),
        (["step-117x3-noise7"], {"privacy": PRIVACY}, r"take noise of less than 2\^7 units; `privacy` needs 2\^8"),
        (["step-117x3-noise8", "step-45x3-noise5"], {"privacy": PRIVACY}, "has instances of different noise"),
        (
            ["step-117x3-noise16"],
            {"privacy": PRIVACY, "maximum": {"updates": 129_227}},
            "`maximum.updates` is 129227; with so much noise sums of more than 129226 have no room",
        ),
    ],
)
def test_instances_without_the_noise_of_the_specification_are_refused(steps, changes, message):
    with pytest.raises(SpecError, match=message):
        with_steps(*steps, **changes)


def test_instances_with_as_much_noise_as_is_planned_or_more_are_taken():
    assert with_steps("step-117x3-noise8", privacy=PRIVACY).noise.bits(Collection.GRADIENT) == 8
    most = {"updates": 129_226, "updates_per_node": 60_000}
    assert with_steps("step-117x3-noise16", privacy=PRIVACY, maximum=most).maximum_updates == 129_226


def test_warnings_name_terms_of_privacy_that_promise_little():
    rows = {"rows": 100_000}
    assert parse_spec(document(privacy=PRIVACY | {"clip": 2}, minimum=rows)).warnings() == []
    for changes, more, said in [
        ({"epsilon": 11}, {}, r"`privacy.epsilon` is 11"),
        ({"delta": 1e-3}, {}, r"`privacy.delta` is 0.001, above one of `minimum.rows` = 100000"),
        ({"honest": 3}, {}, "`privacy.honest` counts on all 3 nodes"),
        ({"clip": None}, {}, "`privacy.clip` is not given: .* norm of up to 11.3"),
        ({}, {"rounds": {"maximum": 100}}, "`rounds.maximum` is 100"),
        ({}, {"minimum": {"rows": 30}}, "noise on a gradient is about .* per row where there are 30 rows"),
        ({}, {"step": {"rule": "newton"}}, "`step.rule` is 'newton'.*learns from noise"),
    ]:
        spec = parse_spec(document(privacy=PRIVACY | {"clip": 2} | changes, **({"minimum": rows} | more)))
        assert [text for text in spec.warnings() if re.search(said, text)], said


def test_the_default_target_of_the_gradient_has_room_for_noise():
    few, many = (
        parse_spec(document(privacy=PRIVACY | {"clip": 2}, minimum={"rows": rows})) for rows in (1000, 1_000_000)
    )
    assert few.gradient_target > 4 * few.noise.rough_gradient_noise(3) / 1000
    assert many.gradient_target == 2**-2
    assert parse_spec(document(privacy=PRIVACY, minimum={"rows": 30})).gradient_target == 0.5
    assert parse_spec(document(privacy=PRIVACY, gradient_bound=1e-3)).gradient_target == 1e-3
