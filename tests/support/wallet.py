"""A wallet for tests of the page, which signs through the unlocked accounts of a development node."""

import json
from pathlib import Path

import httpx

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
        return json.dumps(self._answer(request["method"], request["params"]))

    def _answer(self, method, params):
        self.asked.append(method)
        if method in self.refused:
            return {"error": {"code": 4001, "message": "User rejected the request."}}
        if method in ("eth_requestAccounts", "eth_accounts"):
            return {"result": [self.account]}
        if method == "eth_chainId":
            return {"result": hex(self.chain)}
        if method == "wallet_switchEthereumChain":
            self.set_chain(int(params[0]["chainId"], 16))
            return {"result": None}
        if method == "eth_signTypedData_v4":
            params = [params[0], json.loads(params[1])]
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(self.node.url, json=body, timeout=30).json()

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
