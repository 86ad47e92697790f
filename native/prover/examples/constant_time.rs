//! Whether the time of a multiple on Baby Jubjub depends on its scalar: Welch's t over two classes of scalars.
//!
//! After Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (ePrint 2016/1123): measurements of
//! both classes in random order; t of all of them, and of those below a percentile, which leaves interruptions out. Above 4.5
//! in size the classes differ. A power with an exponent that is treated as public is measured too: it must differ.
//!
//! ```text
//! cargo run --release --features asm --example constant_time -- 100000
//! ```
//! Prints a row of a Markdown table for each pair of classes.

use std::hint::black_box;
use std::time::Instant;

use halo2curves::ff::Field;
use twopm_zk_prover::arithmetic::baby_jubjub::{sum_of_multiples, Point, Scalar, POINT, SCALAR};
use twopm_zk_prover::arithmetic::field::{bytes_of, words};
use twopm_zk_prover::Error;

/// Shares of the measurements, from the fastest, that a t is computed of.
const SHARES: [f64; 5] = [1.0, 0.999, 0.99, 0.9, 0.5];

/// The base point that ERC-2494 publishes, least significant words first.
const BASE: [[u64; 4]; 2] = [
    [0x2893_f3f6_bb95_7051, 0x2ab8_d801_0534_e0b6, 0x4eac_b2e0_9d62_77c1, 0x0bb7_7a6a_d63e_739b],
    [0x4b3c_257a_872d_7d8b, 0xfce0_051f_b9e1_3377, 0x2557_2e1c_d16b_f9ed, 0x2579_7203_f7a0_b249],
];

type Bytes = [u8; SCALAR];
type Maker = fn(&mut Randomness) -> Bytes;

/// Random bytes of the operating system, fetched many at a time.
struct Randomness(Vec<u8>);

impl Randomness {
    fn next(&mut self) -> Bytes {
        if self.0.len() < SCALAR {
            self.0.resize(1 << 16, 0);
            // without randomness there is nothing to measure: zeros would show as equal classes
            assert!(getrandom::fill(&mut self.0).is_ok());
        }
        let rest = self.0.split_off(self.0.len() - SCALAR);
        let mut bytes = [0; SCALAR];
        bytes.copy_from_slice(&rest);
        bytes
    }
}

/// A scalar with eight bits set at random places (a few less where two meet).
fn light(randomness: &mut Randomness) -> Bytes {
    let mut bytes = [0; SCALAR];
    for place in &randomness.next()[..8] {
        bytes[usize::from(place / 8)] |= 1 << (place % 8);
    }
    bytes
}

fn heavy(randomness: &mut Randomness) -> Bytes {
    light(randomness).map(|byte| !byte)
}

/// Nanoseconds of `run` for `count` scalars, with the class of each.
fn measure(count: usize, makers: [Maker; 2], run: impl Fn(&Bytes)) -> Vec<(u64, usize)> {
    let mut randomness = Randomness(Vec::new());
    let inputs: Vec<(usize, Bytes)> = (0..count)
        .map(|_| {
            let class = usize::from(randomness.next()[0] & 1);
            (class, makers[class](&mut randomness))
        })
        .collect();
    let mut place = [0; SCALAR];
    inputs
        .iter()
        .map(|(class, input)| {
            place.copy_from_slice(input); // both classes are read from one address
            let start = Instant::now();
            run(black_box(&place));
            (start.elapsed().as_nanos() as u64, *class)
        })
        .skip(count / 100) // caches and clocks settle
        .collect()
}

fn welch(times: &[(u64, usize)]) -> f64 {
    let moments = [0, 1].map(|class| {
        let of_class = || times.iter().filter(move |(_, of)| *of == class).map(|(time, _)| *time as f64);
        let count = of_class().count() as f64;
        let mean = of_class().sum::<f64>() / count;
        let variance = of_class().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (moments[0].0 - moments[1].0) / (moments[0].1 + moments[1].1).sqrt()
}

fn report(name: &str, count: usize, makers: [Maker; 2], run: impl Fn(&Bytes)) {
    let mut times = measure(count, makers, run);
    times.sort_unstable();
    let median = times[times.len() / 2].0 as f64 / 1e3;
    let ts = SHARES.map(|share| format!("{:.1}", welch(&times[..(share * times.len() as f64) as usize])));
    println!("| {name} | {median:.1} | {} |", ts.join(" | "));
}

fn main() -> twopm_zk_prover::Result<()> {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let mut bytes = [0; POINT];
    bytes[..SCALAR].copy_from_slice(&bytes_of(&BASE[0]));
    bytes[SCALAR..].copy_from_slice(&bytes_of(&BASE[1]));
    let point =
        Point::from_bytes(&bytes).ok_or_else(|| Error::Internal("the base is off the curve".into()))?;
    let multiple = |scalar: &Bytes| {
        black_box(sum_of_multiples(&[point], &[Scalar::from_bytes(scalar)]));
    };
    let power = |exponent: &Bytes| {
        black_box(point.x.pow_vartime(words(exponent)));
    };
    let random: Maker = |randomness| randomness.next();
    let shares = SHARES.map(|share| format!("t, fastest {}%", 100.0 * share)).join(" | ");
    println!("| classes of scalars | median us | {shares} |\n|---|---|---|---|---|---|---|");
    report("0, random", count, [|_| [0; SCALAR], random], multiple);
    report("2^256 - 1, random", count, [|_| [0xff; SCALAR], random], multiple);
    report(
        "one that is fixed, random",
        count,
        [|_| std::array::from_fn(|i| 91 ^ (37 * i) as u8), random],
        multiple,
    );
    report("8 bits set, 248 bits set", count, [light, heavy], multiple);
    report("random, random: no difference", count, [random, random], multiple);
    report("power, 8 bits set, 248 bits set: must differ", count, [light, heavy], power);
    Ok(())
}
