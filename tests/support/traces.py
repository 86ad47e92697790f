"""What a task leaves on a chain and in files, as numbers to search for secrets."""

import re


def seen_on_chain(view):
    """The calldata of every transaction since the deployment, without its selector, and every log."""
    parts = []
    for number in range(view.deployment.block, view.block() + 1):
        for sent in view.chain.transactions(number):
            parts += [sent.data[4:]] if sent.to is not None else []  # not the code of contracts
            for log in view.chain.mined(sent.hash).logs:
                parts += [b"".join(log.topics), log.data]
    return parts


def words_of(part):
    """The words of 32 bytes of some calldata or log, in order."""
    return [int.from_bytes(part[at : at + 32], "big") for at in range(0, len(part) - 31, 32)]


def numbers_in(content):
    """The decimal and hexadecimal numbers in a file, in order, as far as they are no small ones."""
    found = re.findall(rb"(?<![0-9a-f])(?:0x)?([0-9a-f]{6,})", content)
    decimal = [int(text) for text in found if text.isdigit()]
    return [decimal, [int(text, 16) for text in found]]
