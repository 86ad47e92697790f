//! Time of the prover's kernels by themselves, beside the products they consist of.
//!
//! ```text
//! cargo run --release --features asm --example kernels -- 15
//! ```
//!
//! `TWOPM_ZK_VECTORS=off` measures the plain path.

use std::hint::black_box;
use std::time::Instant;

use halo2curves::bn256::{Fq, Fr};
use halo2curves::ff::Field;
use twopm_zk_prover::arithmetic::curve::{sum_pairs, Scratch};
use twopm_zk_prover::arithmetic::fft::Domain;
use twopm_zk_prover::arithmetic::field::powers;
use twopm_zk_prover::arithmetic::msm::Bases;
use twopm_zk_prover::arithmetic::point::Point;
use twopm_zk_prover::progress::Progress;

/// Median milliseconds of five runs.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[2]
}

fn main() -> twopm_zk_prover::Result<()> {
    let power: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(15);
    let size = 1usize << power;
    let progress = Progress::silent();
    let mut product = Fq::from(3);
    let factor = Fq::from(5).invert().unwrap_or(Fq::ONE);
    let time = median(|| {
        for _ in 0..1_000_000 {
            product *= black_box(factor);
        }
    });
    println!("field product       {time:8.2} ns");

    let mut eight = [product; 8];
    let time = median(|| {
        for _ in 0..125_000 {
            for product in &mut eight {
                *product *= black_box(factor);
            }
        }
    });
    black_box(eight);
    println!("independent ones    {time:8.2} ns");

    let start = Point::generator();
    let points: Vec<Point> = powers(Fr::from(7), Fr::from(3), 4096).map(|s| start.times(&s).into()).collect();
    let pairs: Vec<(u32, u32)> = (0..2048).map(|i| (2 * i, i)).collect();
    let mut scratch = Scratch::default();
    let time = median(|| {
        let mut operands = points.clone();
        for _ in 0..10 {
            operands.copy_from_slice(black_box(&points));
            sum_pairs(&mut operands, &pairs, &mut scratch);
        }
    });
    println!("affine sum          {:8.2} ns", time * 1e6 / 20480.0);

    let points: Vec<Point> = points.iter().cycle().take(size).copied().collect();
    let scalars: Vec<Fr> =
        powers(Fr::from(7).invert().unwrap_or(Fr::ONE), Fr::from(0x1234567), size).collect();
    let domain = Domain::new(power)?;
    let mut values = scalars.clone();
    println!("transform           {:8.2} ms", median(|| domain.forward(black_box(&mut values))));
    let bases = Bases(&points);
    println!("sum                 {:8.2} ms", median(|| drop(black_box(bases.sum(&scalars, &progress)))));
    let small: Vec<Fr> = (0..size as u64).map(|i| Fr::from(i % 4)).collect();
    println!("sum, small scalars  {:8.2} ms", median(|| drop(black_box(bases.sum(&small, &progress)))));
    Ok(())
}
