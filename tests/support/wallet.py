"""A wallet for tests of the page, which signs through the unlocked accounts of a development node."""

import json
from pathlib import Path

from twopm_zk.errors import TwopmError

SCRIPT = Path(__file__).parent / "wallet.js"


class Wallet:
    """What the page's wallet is for a test: its account and chain can be changed, and it can refuse."""

    def __init__(self, node, account):
        self.node, self.account = node, account
        self.chain = int(node.rpc("eth_chainId"), 16)
        self.refused = set()
        """Methods that its user refuses."""
        self.asked = []

    def install(self, page):
        self.page = page
        page.expose_function("walletRequest", self._request)
        page.add_init_script(path=SCRIPT)

    def _request(self, text):
        request = json.loads(text)
        try:
            return json.dumps({"result": self._answer(request["method"], request["params"])})
        except _RefusedError as error:
            return json.dumps({"error": {"code": error.args[0], "message": error.args[1]}})
        except TwopmError as error:
            return json.dumps({"error": {"code": -32000, "message": str(error)}})

    def _answer(self, method, params):
        self.asked.append(method)
        if method in self.refused:
            raise _RefusedError(4001, "User rejected the request.")
        if method in ("eth_requestAccounts", "eth_accounts"):
            return [self.account]
        if method == "eth_chainId":
            return hex(self.chain)
        if method == "wallet_switchEthereumChain":
            self.set_chain(int(params[0]["chainId"], 16))
            return None
        if method == "eth_signTypedData_v4":
            params = [params[0], json.loads(params[1])]
        return self.node.rpc(method, *params)

    def set_chain(self, chain):
        self.chain = chain
        self.later("chainChanged", hex(chain))

    def set_account(self, account):
        self.account = account
        self.page.evaluate("value => testWallet.emit('accountsChanged', [value])", account)

    def later(self, name, value):
        """Tell the page, which waits for an answer now, after it."""
        self.pending = (name, value)

    def tell(self):
        """Tell the page what has changed."""
        name, value = self.pending
        self.page.evaluate("([name, value]) => testWallet.emit(name, value)", [name, value])


class _RefusedError(Exception):
    pass
