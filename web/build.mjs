// Builds the page and the JavaScript client into build/web, and fails where the first load is too large.
//
//   node web/build.mjs [FOLDER]
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MOST_FIRST_LOAD = 100_000; // bytes, compressed
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const TARGET = resolve(process.argv[2] ?? join(ROOT, "build", "web"));
const OUT = `${TARGET}.${process.pid}`; // renamed when it is whole

const shared = {
  bundle: true,
  minify: true,
  target: "es2022",
  legalComments: "none", // licences() has the whole text of each
  metafile: true,
  absWorkingDir: ROOT,
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};
const assets = { ...shared, outdir: join(OUT, "assets"), entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]" };

/** The built file of an entry point, as the page names it. */
function addressOf(result, entry) {
  const [file] = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === entry);
  return "/" + relative(OUT, join(ROOT, file));
}

mkdirSync(join(OUT, "assets"), { recursive: true });
try {
  const worker = await build({ ...assets, entryPoints: { prover: "web/src/prover/worker.ts" }, format: "iife" });
  const define = { PROVER_URL: JSON.stringify(addressOf(worker, "web/src/prover/worker.ts")) };
  const page = await build({
    ...assets,
    entryPoints: ["web/src/main.tsx", "web/src/style.css"],
    format: "esm",
    splitting: true,
    define,
  });
  await build({
    ...shared,
    entryPoints: ["web/src/client.ts"],
    outfile: join(OUT, "client.js"),
    format: "esm",
    minify: false, // people read it
  });
  writeFileSync(join(OUT, "assets", "licences.txt"), licences([worker, page]));
  const script = addressOf(page, "web/src/main.tsx");
  const style = addressOf(page, "web/src/style.css");
  const html = readFileSync(join(HERE, "src", "index.html"), "utf8");
  writeFileSync(join(OUT, "index.html"), html.replace("/main.js", script).replace("/style.css", style));
  writeTypes();

  // what index.html loads, and what its script imports without being asked
  const first = new Set(["index.html", style.slice(1)]);
  const follow = (file) => {
    if (first.has(file)) return;
    first.add(file);
    const { imports } = page.metafile.outputs[relative(ROOT, join(OUT, file))];
    for (const one of imports) if (one.kind === "import-statement") follow(relative(OUT, join(ROOT, one.path)));
  };
  follow(script.slice(1));

  let total = 0;
  for (const name of readdirSync(OUT, { recursive: true }).sort()) {
    const file = join(OUT, name);
    if (!statSync(file).isFile()) continue;
    const bytes = readFileSync(file);
    const packed = gzipSync(bytes, { level: 9 });
    writeFileSync(`${file}.gz`, packed);
    if (first.has(name)) total += packed.length;
    console.log(`${name}: ${bytes.length} bytes, ${packed.length} compressed${first.has(name) ? ", first load" : ""}`);
  }
  console.log(`first load: ${total} bytes compressed, at most ${MOST_FIRST_LOAD}`);
  if (total > MOST_FIRST_LOAD) throw new Error("the first load is too large: import it where it is needed");
  rmSync(TARGET, { recursive: true, force: true });
  renameSync(OUT, TARGET);
} finally {
  rmSync(OUT, { recursive: true, force: true });
}

/** The licences of the packages that are part of the page. */
function licences(results) {
  const inputs = results.flatMap((result) => Object.keys(result.metafile.inputs));
  const folders = inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const texts = [...new Set(folders)].filter(Boolean).map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8"));
    const file = readdirSync(join(ROOT, folder)).find((one) => /^licen[cs]e/i.test(one));
    if (!file) return `${name} ${version}: ${license}\n`; // as part of a project whose licence stands here
    return `${name} ${version}: ${license}\n\n${readFileSync(join(ROOT, folder, file), "utf8").trim()}\n`;
  });
  return texts.sort().join("\n----\n\n");
}

/** The client's declarations, from its source. */
function writeTypes() {
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  const lib = ["--target", "ES2022", "--module", "ESNext", "--moduleResolution", "bundler", "--skipLibCheck"];
  const options = [...lib, "--types", "", "--lib", "ES2022,DOM,DOM.Iterable,DOM.AsyncIterable", "--declaration"];
  const only = ["--emitDeclarationOnly", "--outDir", OUT, join(HERE, "src", "client.ts")];
  const made = spawnSync(tsc, [...options, ...only], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`${basename(tsc)}: ${made.stdout}${made.stderr}`);
}
