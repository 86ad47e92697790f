"""Sign-in by ERC-4361: the one message that the page makes, each part of it checked, taken once."""

from datetime import UTC, datetime

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from twopm_zk.gateway.responses import RefusedError
from twopm_zk.gateway.sessions import LONGEST_SECONDS, NONCE_SECONDS, SKEW_SECONDS, Sessions, message_of

USER, OTHER = (Account.from_key(bytes([n] * 32)) for n in (1, 2))
ORIGIN, APP = "http://127.0.0.1:8080", "https://app.example"


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


class SignIn:
    """Somebody who signs in, with one thing wrong."""

    def __init__(self):
        self.clock = Clock()
        self.sessions = Sessions(chain_id=31337, origins=[ORIGIN, APP], clock=self.clock)

    def message(self, **changes):
        now = self.clock.now
        parts = {"origin": ORIGIN, "account": USER.address, "chain_id": 31337, "issued": now, "expires": now + 3600}
        return message_of(**{**parts, "nonce": self.sessions.nonce(), **changes})

    def send(self, text, *, signer=USER, **arguments):
        signature = "0x" + bytes(signer.sign_message(encode_defunct(text=text)).signature).hex()
        return self.sessions.sign_in(text, signature, **arguments)


@pytest.fixture
def person():
    return SignIn()


def refused(kind, status=401):
    return pytest.raises(RefusedError, check=lambda error: (error.kind, error.status) == (kind, status))


def test_whoever_signs_the_message_has_a_session_until_it_expires(person):
    token, session = person.send(person.message(), origin=ORIGIN)
    assert session.account == USER.address
    assert session.expires == int(person.clock.now) + 3600
    assert person.sessions.session(f"Bearer {token}") == session
    person.clock.now += 3601
    with refused("no-session"):
        person.sessions.session(f"Bearer {token}")


def test_the_message_is_the_one_that_the_guide_has(person):
    nonce = "ab" * 24
    text = person.message(nonce=nonce)
    assert text.splitlines() == [
        "127.0.0.1:8080 wants you to sign in with your Ethereum account:",
        USER.address,
        "",
        "Sign in to ask for predictions. This sends no transaction and costs nothing.",
        "",
        "URI: http://127.0.0.1:8080",
        "Version: 1",
        "Chain ID: 31337",
        f"Nonce: {nonce}",
        "Issued At: 2027-01-15T08:00:00.000Z",
        "Expiration Time: 2027-01-15T09:00:00.000Z",
    ]


def test_a_token_is_kept_as_its_hash_alone_and_ends_when_asked_to(person):
    token, _ = person.send(person.message())
    assert token not in repr(vars(person.sessions))
    person.sessions.end(f"Bearer {token}")
    for header in (f"Bearer {token}", None, "", "Bearer", "Basic x", f"Basic {token}", "Bearer \udcff"):
        with refused("no-session"):
            person.sessions.session(header)


def test_a_message_is_taken_once(person):
    text = person.message()
    person.send(text)
    with refused("wrong-nonce"):
        person.send(text)


def test_two_sessions_of_one_account_are_two(person):
    assert person.send(person.message())[0] != person.send(person.message())[0]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"origin": "https://evil.example"}, "wrong-domain"),
        ({"origin": "http://127.0.0.1:8081"}, "wrong-domain"),
        ({"chain_id": 1}, "wrong-chain"),
        ({"nonce": "00" * 24}, "wrong-nonce"),
        ({"issued": Clock.now + SKEW_SECONDS + 1, "expires": Clock.now + 3600}, "not-yet"),
        ({"issued": Clock.now - NONCE_SECONDS - SKEW_SECONDS - 1}, "expired"),
        ({"issued": Clock.now - 60, "expires": Clock.now - 1}, "expired"),
        ({"expires": Clock.now + LONGEST_SECONDS + 1}, "malformed-message"),
        ({"account": USER.address.lower()}, "malformed-message"),
        ({"account": OTHER.address}, "bad-signature"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_part_of_the_message_is_checked(person, change, kind):
    with refused(kind):
        person.send(person.message(**change))


def test_the_longest_session_and_the_widest_skew_are_taken(person):
    person.send(person.message(issued=Clock.now + SKEW_SECONDS, expires=Clock.now + LONGEST_SECONDS))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("costs nothing", "costs everything"),
        lambda text: text + "\nResources:\n- https://evil.example",
        lambda text: "https://" + text,
        lambda text: text.replace("Version: 1", "Version: 2"),
        lambda text: text.replace("Chain ID: 31337", "Chain ID: 031337"),
        lambda text: text.replace(".000Z", "Z"),
        lambda text: text.replace("-01-", "-13-"),
        lambda text: text.replace("URI: http", "URI:  http"),
        lambda text: text.replace("127.0.0.1:8080 wants", "127.0.0.1:8080 wants\nyou"),
        lambda text: text.replace("127.0.0.1:8080 wants", "evil.example wants"),
        lambda text: "x" * 5000,
        lambda text: "",
    ],
)
def test_any_other_message_is_refused_though_it_is_signed(person, spoil):
    with pytest.raises(RefusedError, check=lambda error: error.kind in ("malformed-message", "wrong-domain")):
        person.send(spoil(person.message()))


@pytest.mark.parametrize(
    "signature",
    ["", "0x", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64, "zz", "0x" + "11" * 66, "0x" + "é" * 130],
)
def test_what_is_no_signature_of_the_account_is_refused(person, signature):
    with refused("bad-signature"):
        person.sessions.sign_in(person.message(), signature)


def test_a_refused_signature_does_not_use_the_nonce_up(person):
    text = person.message()
    with refused("bad-signature"):
        person.send(text, signer=OTHER)
    person.send(text)


def test_a_nonce_of_another_server_or_an_old_one_is_refused(person):
    with refused("wrong-nonce"):
        person.send(person.message(nonce=SignIn().sessions.nonce()))
    old = person.sessions.nonce()
    person.clock.now += NONCE_SECONDS + 1
    with refused("wrong-nonce"):
        person.send(person.message(nonce=old))


def test_a_page_cannot_send_the_message_of_another_page(person):
    with refused("wrong-domain"):
        person.send(person.message(), origin=APP)
    person.send(person.message(origin=APP), origin=APP)


def test_what_is_over_is_forgotten(person):
    for _ in range(3):
        person.send(person.message())
    person.clock.now += LONGEST_SECONDS
    person.send(person.message())
    assert len(person.sessions._sessions) == len(person.sessions._used) == 1


def test_times_are_read_as_utc(person):
    issued = datetime.fromtimestamp(Clock.now, UTC).isoformat(timespec="milliseconds")
    assert issued.replace("+00:00", "Z") in person.message()
