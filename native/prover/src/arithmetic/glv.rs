//! The curve's endomorphism: zeta * (x, y) = (zeta_q x, y), and short halves of scalars.
//!
//! Gallant, Lambert and Vanstone (CRYPTO 2001): k = k1 + k2 zeta with both halves below 2^127, found by
//! rounding in a reduced basis of the lattice {(x, y): x + y zeta = 0}. The basis is (A, -B), (-B, -C) below.

use halo2curves::bn256::Fr;

use crate::arithmetic::field::plain_words;

const A: u128 = 0x6f4d_8248_eeb8_59fc_8211_bbeb_7d4f_1128;
const B: u128 = 0x89d3_2568_94d2_13e3;
const C: u128 = 0x6f4d_8248_eeb8_59fd_0be4_e154_1221_250b;
/// round(2^256 C / FIELD_ORDER) and round(2^256 B / FIELD_ORDER), least significant word first.
const G1: [u64; 3] = [0x5398_fd03_00ff_6565, 0x4cce_f014_a773_d2d2, 2];
const G2: [u64; 3] = [0xd91d_232e_c7e0_b3d7, 2, 0];

/// A signed number below 2^127 in size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Half {
    /// Absolute value.
    pub size: u128,
    /// Sign.
    pub negative: bool,
}

impl Half {
    fn from_signed(value: i128) -> Self {
        Half { size: value.unsigned_abs(), negative: value < 0 }
    }
}

/// Halves k1, k2 with k = k1 + k2 zeta. Numbers that are short already, or whose negatives are, stay whole.
pub fn halves(scalar: &Fr) -> [Half; 2] {
    let words = plain_words(scalar);
    if let Some(size) = short(&words) {
        return [Half { size, negative: false }, Half::default()];
    }
    if let Some(size) = short(&plain_words(&-*scalar)) {
        return [Half { size, negative: true }, Half::default()];
    }
    let (c1, c2) = (times_shifted(&words, &G1), times_shifted(&words, &G2));
    let low = u128::from(words[0]) | u128::from(words[1]) << 64;
    let k1 = low.wrapping_sub(c1.wrapping_mul(A)).wrapping_sub(c2.wrapping_mul(B));
    let k2 = c1.wrapping_mul(B).wrapping_sub(c2.wrapping_mul(C));
    [Half::from_signed(k1 as i128), Half::from_signed(k2 as i128)]
}

fn short(words: &[u64; 4]) -> Option<u128> {
    let below = words[2] == 0 && words[3] == 0 && words[1] >> 62 == 0;
    below.then(|| u128::from(words[0]) | u128::from(words[1]) << 64)
}

/// round(a * b / 2^256), which fits 128 bits for our constants.
fn times_shifted(a: &[u64; 4], b: &[u64; 3]) -> u128 {
    let mut product = [0u64; 7];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0u128;
        for (j, y) in b.iter().enumerate() {
            let sum = u128::from(*x) * u128::from(*y) + u128::from(product[i + j]) + carry;
            product[i + j] = sum as u64;
            carry = sum >> 64;
        }
        product[i + 3] = carry as u64;
    }
    let round = u128::from(product[3] >> 63);
    (u128::from(product[4]) | u128::from(product[5]) << 64) + round
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::point::Point;
    use halo2curves::bn256::Fq;
    use halo2curves::ff::{Field, WithSmallOrderMulGroup};

    #[test]
    fn halves_are_short_and_add_up() {
        let number = |half: Half| {
            let size =
                Fr::from((half.size >> 64) as u64) * Fr::from(2).pow([64]) + Fr::from(half.size as u64);
            if half.negative {
                -size
            } else {
                size
            }
        };
        let mut scalar = Fr::from(3);
        for _ in 0..1000 {
            scalar = scalar.square() + Fr::ONE;
            for scalar in [scalar, -scalar] {
                let [k1, k2] = halves(&scalar);
                assert_eq!(number(k1) + number(k2) * Fr::ZETA, scalar);
                assert!(k1.size >> 127 == 0 && k2.size >> 127 == 0);
            }
        }
        for small in [Fr::ZERO, Fr::ONE, Fr::from(u64::MAX)] {
            assert_eq!(halves(&-small)[1], Half::default());
            assert_eq!(number(halves(&-small)[0]), -small);
        }
    }

    #[test]
    fn the_endomorphism_multiplies_by_zeta() {
        let point = Point::generator();
        let image = Point { x: point.x * Fq::ZETA, y: point.y };
        assert_eq!(image, point.times(&Fr::ZETA).into());
    }
}
