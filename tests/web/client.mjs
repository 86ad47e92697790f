// What docs/api.md's readers do with the client: run by test_client.py, which gives server, chain and account.
import { pathToFileURL } from "node:url";

const [file, origin, chain, address] = process.argv.slice(2);
const { Client, TwopmError } = await import(pathToFileURL(file).href);
const rpc = async (method, ...params) => {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(chain, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return (await answer.json()).result;
};
const refused = async (act) => {
  try {
    await act();
  } catch (error) {
    if (error instanceof TwopmError) return [error.status, error.kind];
    throw error;
  }
  return null;
};

const client = new Client(origin);
const row = { GPA: 3.4, TUCE: 25, PSI: 1 };
const early = await refused(() => client.predict(1, row));
const networks = await client.networks();
const form = await client.form(networks[0].id);
const sign = (message) =>
  rpc("personal_sign", `0x${Buffer.from(message).toString("hex")}`, address);
const session = await client.signIn({ address, sign });
const [prediction] = await client.predict(1, row);
const checked = await client.verify(1, prediction.proof, prediction.public);
const forged = [
  prediction.public[0],
  prediction.public[1],
  String(BigInt(prediction.public[2]) + 1n),
];
const doubted = await client.verify(1, prediction.proof, forged);

const stop = new AbortController();
const events = client.events(stop.signal);
const first = events.next();
await new Promise((resolve) => setTimeout(resolve, 300));
await rpc("evm_mine");
const event = (await first).value;
stop.abort();

await client.signOut();
const after = await refused(() => client.predict(1, row));
const missing = await refused(() => client.network(99));
const nobody = await refused(() => new Client("http://127.0.0.1:9").status());
const bytes = (await client.metadata(1)).length;
console.log(
  JSON.stringify({
    early,
    title: networks[0].title,
    inputs: form.inputs.length,
    account: session.account,
    prediction: { units: prediction.units, expected: prediction.expected },
    checked,
    doubted,
    event,
    after,
    missing,
    nobody,
    bytes,
  }),
);
process.exit(0);
