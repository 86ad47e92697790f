"""A finished HFL task with a network, whose operator answers in conversations; a user who asks, pays and challenges."""

from eth_account import Account
from eth_account.messages import encode_typed_data
from support.federated_task import FederatedTask
from support.market import DAY, HFL, METADATA, TERMS, Market
from support.rounds_world import ETH

from twopm_zk.conversation.receipt import DOMAIN, FIELDS

MODEL, OTHER_MODEL = b"\x4d" * 32, b"\x4e" * 32
ADAPTER = b"\xad" * 32
PROMPT, TRANSCRIPT, LIE = b"\x50" * 32, b"\x54" * 32, b"\x11" * 32
CREDITS = {"ada": 1, "ben": 1, "cleo": 1}
"""Updates in the last accepted round."""
CHALLENGE_WINDOW, VOTING, FREE_WINDOW = 3 * DAY, 5 * DAY, 7 * DAY
MINIMUM_BOND = ETH // 1000
NONE, ASKED, ACCEPTED, ANSWERED, LATE, REFUNDED, CHALLENGED, SETTLED, WRONG_STATE = range(9)
OPEN, RIGHT, WRONG, UNDECIDED = range(1, 5)


def finished_task(world, *names):
    """A task of one round of ``names``, the data owners if none is named."""
    task = FederatedTask(world, maximumRounds=1)
    task.accept(*names, result=ADAPTER)
    return task


class Conversing(Market):
    """A network of ``dan``, who answers as well; ``eve`` asks, and ``ada``, ``ben`` and ``cleo`` vote."""

    def __init__(self, world, task, *, token=False, share=7_000, enrolled=True, offered=True, operator=None, **terms):
        self.world, self.task, self.people, self.token = world, task, world.people, token
        self.contract = world.conversations
        self.owner, self.user = world.people.dan, world.people.eve
        self.operator = operator or world.people.dan
        self.terms = {**TERMS, **terms}
        receipt = self.govern("register", HFL, task.id, token, share, METADATA, "", self.terms)
        self.id = receipt.event("NetworkRegistered")["id"]
        if enrolled:
            self.enrol(*CREDITS)
        if offered:
            self.act(self.operator, "offer", self.id, MODEL)

    @property
    def penalty(self):
        return self.network["terms"]["penalty"]

    # --- paid ---

    def ask(self, prompt=PROMPT, *, person=None, value=None, maximum=None, model=MODEL, operator=None):
        """The receipt of a question; the usual price is paid."""
        person, price = person or self.user, self.fee
        if self.token and price:
            self.world.token.transact("mint", person.address, price)
            person.use(self.world.token).transact("approve", self.contract.address, price)
        value = (0 if self.token else price) if value is None else value
        operator = (operator or self.operator).address
        maximum = self.fee if maximum is None else maximum
        return self.act(person, "ask", self.id, operator, model, prompt, maximum, value=value)

    def asked(self, prompt=PROMPT, **options):
        return self.ask(prompt, **options).event("Asked")["id"]

    def accepted(self, **options):
        request = self.asked(**options)
        self.accept(request)
        return request

    def answer(self, request, transcript=TRANSCRIPT, *, person=None):
        return self.act(person or self.operator, "answer", request, transcript)

    def answered(self, *, transcript=TRANSCRIPT, **options):
        request = self.accepted(**options)
        self.answer(request, transcript)
        return request

    def challenge(self, request, *, person=None, bond=None):
        person = person or self.user
        bond = self.bond(person, self.of(request)["penalty"]) if bond is None else bond
        return self.act(person, "challenge", request, value=bond)

    def challenged(self, **options):
        """The numbers of a request and of its case."""
        request = self.answered(**options)
        return request, self.challenge(request, person=options.get("person")).event("Challenged")["caseId"]

    # --- free ---

    def receipt(self, **changes):
        """A free receipt of the present time, as the operator would give it to the user."""
        return {
            "networkId": self.id,
            "requestId": 0,
            "user": self.user.address,
            "operator": self.operator.address,
            "model": MODEL,
            "adapter": ADAPTER,
            "transcript": TRANSCRIPT,
            "penalty": self.penalty,
            "issued": self.now(),
            **changes,
        }

    def now(self):
        return self.world.chain.time

    def sign(self, receipt, *, person=None, **domain):
        """What an account signs by its key, with the tools of others; ``domain`` in place of the contract's own."""
        domain = {
            "name": DOMAIN,
            "version": "1",
            "chainId": self.world.chain.chain_id,
            "verifyingContract": self.contract.address,
            **domain,
        }
        fields = [{"name": name, "type": kind} for name, kind in FIELDS.items()]
        message = encode_typed_data(domain, {"Receipt": fields}, receipt)
        return Account.sign_message(message, (person or self.operator).key).signature

    def challenge_receipt(self, receipt=None, signature=None, *, person=None, bond=None):
        receipt = receipt or self.receipt()
        signature = self.sign(receipt) if signature is None else signature
        person = person or self.user
        bond = self.bond(person, receipt["penalty"]) if bond is None else bond
        return self.act(person, "challengeReceipt", receipt, bytes(signature), value=bond)

    def doubted(self, receipt=None, **options):
        """The number of the case over a free receipt."""
        return self.challenge_receipt(receipt, **options).event("Challenged")["caseId"]

    # --- cases ---

    def bond(self, person, penalty):
        return self.contract.call("bondOf", person.address, penalty)

    def vote(self, case, **votes):
        """``right`` and ``wrong`` are the names of who votes so."""
        for kind, right in (("right", True), ("wrong", False)):
            for name in votes.get(kind, ()):
                self.act(getattr(self.people, name), "vote", case, right)

    def decide(self, case, *, person=None, **votes):
        self.vote(case, **votes)
        return self.act(person or self.people.ben, "decide", case)

    def case(self, case):
        return self.contract.call("caseOf", case)

    def verdict(self, case):
        return self.case(case)["verdict"]
