"""A made-up language model, and its file, for tests that are about none in particular."""

import pytest
from support import language_models

from twopm_zk.conversation.model import ConversationModel


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.gguf"
    language_models.write(path)
    return path


@pytest.fixture(scope="module")
def model(path):
    return ConversationModel.load(path, digest=language_models.write(path), threads=1)
