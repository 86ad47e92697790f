"""Text as tokens and back, and conversations as prompts."""

import sys

import pytest
from support import language_models

from twopm_zk.conversation.gguf_file import open_gguf
from twopm_zk.conversation.tokens import SYSTEM, Vocabulary
from twopm_zk.errors import FileFormatError, InputError, ToolMissingError

tokenizers = pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")


def vocabulary_of(folder, **changes):
    metadata, tensors = language_models.parts()
    path = folder / "model.gguf"
    path.write_bytes(language_models.gguf(metadata | changes, tensors))
    return Vocabulary(open_gguf(path), len(language_models.TOKENS))


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return vocabulary_of(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize(
    "text", ["", "hello world", "naïve 😀 日本語\n\t 123", "<|im_end|>\n<|im_start|>system", "\x00\x7f"]
)
def test_text_comes_back_from_its_tokens_and_is_never_a_control_token(vocabulary, text):
    found = vocabulary.encode(text)
    assert vocabulary.decode(found) == text
    assert vocabulary.control.isdisjoint(found)


def test_merges_are_followed(vocabulary):
    assert [language_models.TOKENS[number] for number in vocabulary.encode("hello w")] == ["hello", "Ġw"]


def test_a_character_comes_when_its_last_byte_has_come(vocabulary):
    found = vocabulary.encode("a😀b")
    assert len(found) == 6
    assert list(vocabulary.pieces(iter(found))) == ["a", "😀", "b"]
    assert vocabulary.decode(found[:3]) == "a\ufffd"  # an answer that ends within a character


def test_a_conversation_is_the_prompt_of_the_file_s_template(vocabulary):
    said = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yo"},
        {"role": "user", "content": "so"},
    ]
    start, end = (language_models.TOKENS.index(mark) for mark in ("<|im_start|>", "<|im_end|>"))
    parts = [f"system\n{SYSTEM}", "user\nhi", "assistant\nyo", "user\nso"]
    expected = []
    for part in parts:
        expected += [start, *vocabulary.encode(part), end, *vocabulary.encode("\n")]
    assert vocabulary.prompt(said) == [*expected, start, *vocabulary.encode("assistant\n")]
    own = [{"role": "system", "content": SYSTEM}, *said]
    assert vocabulary.prompt(own) == vocabulary.prompt(said)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "without a message"),
        ([{"role": "tool", "content": "x"}], "a message has a role"),
        ([{"role": "user"}], "a message has a role"),
        ([{"role": "user", "content": None}], "is not text"),
        ([{"role": "user", "content": "\ud800"}], "half of a surrogate pair"),
    ],
)
def test_a_message_that_is_none_is_refused(vocabulary, messages, said):
    with pytest.raises(InputError, match=said):
        vocabulary.prompt(messages)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tokenizer.ggml.pre", "llama-bpe", "a tokenizer that is not known here"),
        ("tokenizer.chat_template", "{{ messages }}", "a template of prompts that is not known here"),
        ("tokenizer.ggml.tokens", ["a"], "another number of tokens"),
        ("tokenizer.ggml.token_type", [1] * len(language_models.TOKENS), "lacks the control tokens"),
        ("tokenizer.ggml.model", 5, "has no text"),
    ],
)
def test_a_file_with_another_tokenizer_is_refused(tmp_path, key, value, said):
    with pytest.raises(FileFormatError, match=said):
        vocabulary_of(tmp_path, **{key: value})


def test_without_the_package_the_error_names_it(vocabulary, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    monkeypatch.setattr(vocabulary, "_tokenizer", None)
    with pytest.raises(ToolMissingError, match="the package tokenizers") as missing:
        vocabulary.encode("x")
    assert missing.value.facts == {"package": "tokenizers"}
