// A powers-of-tau file for development, quickly: `node insecure_ptau.mjs FFJAVASCRIPT_DIR POWER OUT`.
//
// INSECURE BY CONSTRUCTION: tau is the hash of a public sentence, so anyone can forge proofs under keys made
// from it. That makes the file the same on every machine, and lets the Lagrange points be computed as
// scalars instead of by a Fourier transform of points:
//
//     L_i(tau) = w^i (tau^n - 1) / (n (tau - w^i))
//
// Sections, as snarkjs writes them: 1 header, 2 tauG1 (2^(power+1) - 1 points), 3 tauG2 (2 points of the
// 2^power: PLONK needs no more), 12 Lagrange points of every power 0..power.

import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL, fileURLToPath } from "node:url";

const SENTENCE = "twopm-zk INSECURE development powers of tau: anyone can forge proofs under these keys";
const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const BASE_FIELD_ORDER = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const POINT = 64; // bytes of an affine G1 point
const CHUNK = 2048; // points per job
const WINDOW = 11; // bits per signed digit
const WINDOWS = Math.ceil(255 / WINDOW);
const HALF = 1 << (WINDOW - 1);

const modulo = (value) => ((value % FIELD_ORDER) + FIELD_ORDER) % FIELD_ORDER;

function power(base, exponent) {
    let result = 1n;
    for (let b = modulo(base); exponent > 0n; exponent >>= 1n, b = (b * b) % FIELD_ORDER) {
        if (exponent & 1n) result = (result * b) % FIELD_ORDER;
    }
    return result;
}

const inverse = (value) => power(value, FIELD_ORDER - 2n);
const tau = BigInt("0x" + createHash("sha512").update(SENTENCE).digest("hex")) % FIELD_ORDER;

function inverses(values) {
    const prefix = [1n];
    for (const value of values) prefix.push((prefix[prefix.length - 1] * value) % FIELD_ORDER);
    const result = new Array(values.length);
    let rest = inverse(prefix[values.length]);
    for (let i = values.length - 1; i >= 0; i--) {
        result[i] = (rest * prefix[i]) % FIELD_ORDER;
        rest = (rest * values[i]) % FIELD_ORDER;
    }
    return result;
}

function powersOfTau({ start, count }) {
    const scalars = [power(tau, BigInt(start))];
    while (scalars.length < count) scalars.push((scalars[scalars.length - 1] * tau) % FIELD_ORDER);
    return scalars;
}

function lagrange({ domain, start, count }, rootOfUnity) {
    const n = 1n << BigInt(domain);
    const w = rootOfUnity(domain);
    const roots = [power(w, BigInt(start))];
    while (roots.length < count) roots.push((roots[roots.length - 1] * w) % FIELD_ORDER);
    const numerator = (modulo(power(tau, n) - 1n) * inverse(n)) % FIELD_ORDER;
    const below = inverses(roots.map((root) => modulo(tau - root)));
    return roots.map((root, i) => (((root * numerator) % FIELD_ORDER) * below[i]) % FIELD_ORDER);
}

// Multiples of the generator from a table: entry (k, d) is d * 2^(WINDOW k) * G for 1 <= d <= HALF.
class FixedBase {
    constructor(curve) {
        const { tm } = curve;
        tm.memory.grow(512);
        tm.u8 = new Uint8Array(tm.memory.buffer);
        tm.u32 = new Uint32Array(tm.memory.buffer);
        this.tm = tm;
        this.wasm = tm.instance.exports;
        const scratch = tm.alloc(WINDOWS * HALF * 96);
        this.table = tm.alloc(WINDOWS * HALF * POINT);
        let base = curve.G1.one;
        for (let k = 0; k < WINDOWS; k++) {
            const first = scratch + k * HALF * 96;
            tm.setBuff(first, base);
            for (let d = 1; d < HALF; d++) {
                this.wasm.g1m_add(first + (d - 1) * 96, first, first + d * 96);
            }
            base = curve.G1.double(tm.getBuff(first + (HALF - 1) * 96, 96));
        }
        this.wasm.g1m_batchToAffine(scratch, WINDOWS * HALF, this.table);
        this.sums = tm.alloc(CHUNK * 96);
        this.points = tm.alloc(CHUNK * POINT);
        this.negative = tm.alloc(POINT);
    }

    multiply(scalars) {
        scalars.forEach((scalar, i) => this.multiplyOne(scalar, this.sums + i * 96));
        this.wasm.g1m_batchToAffine(this.sums, scalars.length, this.points);
        return this.tm.getBuff(this.points, scalars.length * POINT);
    }

    multiplyOne(scalar, sum) {
        this.wasm.g1m_zero(sum);
        let carry = 0;
        const words = [];
        for (let rest = scalar; words.length < 9; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
        for (let k = 0; k < WINDOWS; k++) {
            const word = (k * WINDOW) >> 5;
            const shift = (k * WINDOW) & 31;
            const high = shift ? (words[word + 1] ?? 0) << (32 - shift) : 0;
            let digit = (((words[word] >>> shift) | high) & ((1 << WINDOW) - 1)) + carry;
            carry = digit > HALF ? 1 : 0;
            if (carry) digit -= 1 << WINDOW;
            if (digit === 0) continue;
            let entry = this.table + (k * HALF + Math.abs(digit) - 1) * POINT;
            if (digit < 0) {
                this.wasm.g1m_negAffine(entry, this.negative);
                entry = this.negative;
            }
            this.wasm.g1m_addMixed(sum, entry, sum);
        }
    }
}

async function loadCurve(folder) {
    const { buildBn128 } = await import(pathToFileURL(path.join(folder, "main.js")));
    return buildBn128(true);
}

// Runs in child processes: ffjavascript cannot be loaded inside a worker thread.
async function work([folder]) {
    const curve = await loadCurve(folder);
    const fixedBase = new FixedBase(curve);
    const rootOfUnity = (domain) => curve.Fr.toObject(curve.Fr.w[domain]);
    process.on("message", (job) => {
        const scalars = job.domain === undefined ? powersOfTau(job) : lagrange(job, rootOfUnity);
        process.send({ job, points: fixedBase.multiply(scalars) });
    });
}

function* chunks(total, position, extra) {
    for (let start = 0; start < total; start += CHUNK) {
        const count = Math.min(CHUNK, total - start);
        yield { start, count, position: position + start * POINT, ...extra };
    }
}

function little(value, bytes) {
    const result = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++, value >>= 8n) result[i] = Number(value & 0xffn);
    return result;
}

async function main([folder, powerText, out]) {
    const top = Number(powerText);
    const curve = await loadCurve(folder);
    const file = fs.openSync(out, "w");
    let position = 0;
    const write = (...parts) => {
        for (const part of parts) position += fs.writeSync(file, part, 0, part.length, position);
    };
    const sectionHead = (id, size) => write(little(BigInt(id), 4), little(BigInt(size), 8));

    write(Buffer.from("ptau"), little(1n, 4), little(4n, 4));
    sectionHead(1, 44);
    write(little(32n, 4), little(BASE_FIELD_ORDER, 32), little(BigInt(top), 4), little(BigInt(top), 4));
    const points = 2 ** (top + 1) - 1;
    sectionHead(2, points * POINT);
    const jobs = [...chunks(points, position, {})];
    position += points * POINT;
    const tauG2 = curve.G2.timesScalar(curve.G2.oneAffine, little(tau, 32));
    sectionHead(3, 2 * 128);
    write(curve.G2.oneAffine, curve.G2.toAffine(tauG2));
    sectionHead(12, points * POINT);
    for (let domain = 0; domain <= top; domain++) {
        jobs.push(...chunks(2 ** domain, position + (2 ** domain - 1) * POINT, { domain }));
    }

    const total = jobs.length;
    let done = 0;
    const workers = Math.min(os.availableParallelism(), total, 16);
    const runOne = () => new Promise((resolve, reject) => {
        const child = fork(fileURLToPath(import.meta.url), [folder], { serialization: "advanced" });
        const next = () => (jobs.length ? child.send(jobs.pop()) : child.disconnect());
        child.on("error", reject);
        child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`worker ended with ${code}`))));
        child.on("message", ({ job, points }) => {
            fs.writeSync(file, points, 0, points.length, job.position);
            done += 1;
            console.log(`progress ${done}/${total}`);
            next();
        });
        next();
    });
    await Promise.all(Array.from({ length: workers }, runOne));
    fs.closeSync(file);
}

const run = process.send ? work : main;
run(process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
