// A wallet for tests: it announces itself (EIP-6963), and hands every request to the test, which signs through the
// unlocked accounts of a development node. `testWallet.emit` tells the page of another account or chain.
(() => {
  const listeners = {};
  const provider = {
    async request({ method, params }) {
      const answer = JSON.parse(
        await window.walletRequest(
          JSON.stringify({ method, params: params ?? [] }),
        ),
      );
      if (answer.error)
        throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
    on(name, listener) {
      (listeners[name] ??= []).push(listener);
    },
    removeListener(name, listener) {
      listeners[name] = (listeners[name] ?? []).filter(
        (one) => one !== listener,
      );
    },
  };
  window.testWallet = {
    emit: (name, value) =>
      (listeners[name] ?? []).forEach((listener) => listener(value)),
  };
  const info = {
    uuid: "350670db-19fa-4704-a166-e52e178b59d2",
    name: "Test wallet",
    icon: "data:,",
    rdns: "test.wallet",
  };
  addEventListener("eip6963:requestProvider", () =>
    dispatchEvent(
      new CustomEvent("eip6963:announceProvider", {
        detail: Object.freeze({ info, provider }),
      }),
    ),
  );
})();
