//! MSM, FFT and field multiplication of arkworks and halo2curves on BN254, side by side in one run.
//!
//! ```text
//! RUSTFLAGS="-C target-cpu=native" cargo run --release [--features asm]
//! ```
//! Prints one row of a Markdown table per operation and size: medians of five, all cores, milliseconds.

use std::hint::black_box;
use std::time::Instant;

const REPEATS: usize = 5;

/// Median wall time of `REPEATS` runs after one to warm up, in milliseconds.
fn median(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[REPEATS / 2]
}

/// xorshift64: reproducible test data, nothing secret.
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn wide(&mut self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }
}

mod arkworks {
    use super::{black_box, median, Words};
    use ark_bn254::{Fq, Fr, G1Affine, G1Projective};
    use ark_ec::{CurveGroup, PrimeGroup, VariableBaseMSM};
    use ark_ff::PrimeField;
    use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

    pub fn multiply() -> f64 {
        let mut words = Words(7);
        let mut a = Fq::from_le_bytes_mod_order(&words.wide());
        let b = Fq::from_le_bytes_mod_order(&words.wide());
        median(|| {
            for _ in 0..1_000_000 {
                a *= black_box(b);
            }
            black_box(a);
        })
    }

    pub fn run(log_n: u32) -> (f64, f64) {
        let n = 1usize << log_n;
        let mut words = Words(9);
        let scalars: Vec<Fr> = (0..n).map(|_| Fr::from_le_bytes_mod_order(&words.wide())).collect();
        let mut point = G1Projective::generator();
        let step = point * scalars[0];
        let points: Vec<G1Projective> = (0..n)
            .map(|_| {
                point += step;
                point
            })
            .collect();
        let points: Vec<G1Affine> = G1Projective::normalize_batch(&points);
        let msm = median(|| {
            let _ = black_box(G1Projective::msm(&points, &scalars));
        });
        let domain = Radix2EvaluationDomain::<Fr>::new(n).expect("small domain");
        let mut values = scalars;
        let fft = median(|| domain.fft_in_place(black_box(&mut values)));
        (msm, fft)
    }
}

mod halo2 {
    use super::{black_box, median, Words};
    use halo2curves::bn256::{Fq, Fr, G1Affine, G1};
    use halo2curves::ff::{FromUniformBytes, PrimeField};
    use halo2curves::group::Curve;

    pub fn multiply() -> f64 {
        let mut words = Words(7);
        let mut a = Fq::from_uniform_bytes(&words.wide());
        let b = Fq::from_uniform_bytes(&words.wide());
        median(|| {
            for _ in 0..1_000_000 {
                a *= black_box(b);
            }
            black_box(a);
        })
    }

    pub fn run(log_n: u32) -> (f64, f64) {
        let n = 1usize << log_n;
        let mut words = Words(9);
        let scalars: Vec<Fr> = (0..n).map(|_| Fr::from_uniform_bytes(&words.wide())).collect();
        let mut point = G1::generator();
        let step = point * scalars[0];
        let projective: Vec<G1> = (0..n)
            .map(|_| {
                point += step;
                point
            })
            .collect();
        let mut points = vec![G1Affine::default(); n];
        G1::batch_normalize(&projective, &mut points);
        let msm = median(|| {
            black_box(halo2curves::msm::msm_best(&scalars, &points));
        });
        let mut omega = Fr::ROOT_OF_UNITY;
        for _ in log_n..Fr::S {
            omega = omega.square();
        }
        let mut values = scalars;
        let fft = median(|| halo2curves::fft::best_fft(black_box(&mut values), omega, log_n));
        (msm, fft)
    }
}

fn main() {
    println!("| operation | size | arkworks ms | halo2curves ms |");
    println!("|---|---|---|---|");
    println!(
        "| 10^6 base field products, one core | | {:.1} | {:.1} |",
        arkworks::multiply(),
        halo2::multiply()
    );
    for log_n in 14..=18 {
        let (ark_msm, ark_fft) = arkworks::run(log_n);
        let (halo_msm, halo_fft) = halo2::run(log_n);
        println!("| MSM | 2^{log_n} | {ark_msm:.1} | {halo_msm:.1} |");
        println!("| FFT | 2^{log_n} | {ark_fft:.1} | {halo_fft:.1} |");
    }
}
