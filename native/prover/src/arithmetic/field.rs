//! BN254's scalar field: roots of unity as snarkjs chooses them, batch inversion, and bytes.

use halo2curves::bn256::{Fq, Fr};
use halo2curves::ff::{Field, FromUniformBytes, PrimeField};

/// Bytes of a field element in every file.
pub const ELEMENT: usize = 32;

/// BN254's scalar field order, least significant word first.
pub const FIELD_ORDER: [u64; 4] =
    [0x43e1_f593_f000_0001, 0x2833_e848_79b9_7091, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];

/// BN254's base field order (coordinates of points), least significant word first.
pub const BASE_FIELD_ORDER: [u64; 4] =
    [0x3c20_8c16_d87c_fd47, 0x9781_6a91_6871_ca8d, 0xb850_45b6_8181_585d, 0x3064_4e72_e131_a029];

/// Largest power of two that divides `FIELD_ORDER - 1`.
pub const MAX_POWER: u32 = Fr::S;

// Fields are read from files by copying their four words: layout checked once, here.
const _: () = assert!(std::mem::size_of::<Fr>() == ELEMENT && std::mem::align_of::<Fr>() == 8);
const _: () = assert!(std::mem::size_of::<Fq>() == ELEMENT && std::mem::align_of::<Fq>() == 8);

/// Little-endian words of 32 bytes.
pub fn words(bytes: &[u8; ELEMENT]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(chunk);
        *word = u64::from_le_bytes(buffer);
    }
    words
}

/// Little-endian bytes of four words.
pub fn bytes_of(words: &[u64; 4]) -> [u8; ELEMENT] {
    let mut bytes = [0; ELEMENT];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Whether `words` is below `modulus`.
#[inline]
pub fn is_reduced(words: &[u64; 4], modulus: &[u64; 4]) -> bool {
    for i in (0..4).rev() {
        if words[i] != modulus[i] {
            return words[i] < modulus[i];
        }
    }
    false
}

/// Field element from Montgomery bytes, as `.zkey` stores them; `None` where not reduced.
pub fn from_montgomery(bytes: &[u8; ELEMENT]) -> Option<Fr> {
    let words = words(bytes);
    is_reduced(&words, &FIELD_ORDER).then_some(Fr(words))
}

/// Field element from plain little-endian bytes, as `.wtns` and `.r1cs` store them; `None` where not reduced.
pub fn from_plain(bytes: &[u8; ELEMENT]) -> Option<Fr> {
    let words = words(bytes);
    // Montgomery form is `value * 2^256`: one product with 2^512, which from_raw does.
    is_reduced(&words, &FIELD_ORDER).then(|| Fr(words) * R2)
}

const R2: Fr =
    Fr([0x1bb8_e645_ae21_6da7, 0x53fe_3ab1_e35c_59e3, 0x8c49_833d_53bb_8085, 0x0216_d0b1_7f4e_44a5]);

/// Plain little-endian words of an element.
#[inline]
pub fn plain_words(value: &Fr) -> [u64; 4] {
    words(value.to_repr().inner())
}

/// Big-endian bytes, as the transcript hashes them.
pub fn to_big_endian(value: &Fr) -> [u8; ELEMENT] {
    let mut bytes = *value.to_repr().inner();
    bytes.reverse();
    bytes
}

/// A big-endian number of 32 bytes, reduced.
pub fn from_big_endian_reduced(bytes: &[u8]) -> Fr {
    let mut wide = [0; 64];
    for (target, byte) in wide.iter_mut().zip(bytes.iter().rev()) {
        *target = *byte;
    }
    Fr::from_uniform_bytes(&wide)
}

/// Primitive `2^power`-th root of unity: 5^((FIELD_ORDER - 1) / 2^power), the one that snarkjs uses.
pub fn root_of_unity(power: u32) -> Fr {
    // (FIELD_ORDER - 1) / 2^28
    const ODD_PART: [u64; 4] =
        [0x9b97_0914_3e1f_593f, 0x1815_85d2_833e_8487, 0x131a_029b_8504_5b68, 0x0000_0003_0644_e72e];
    let mut root = Fr::from(5).pow_vartime(ODD_PART);
    for _ in power..MAX_POWER {
        root = root.square();
    }
    root
}

/// Inverts every non-zero element in place with one inversion (Montgomery's trick); zeros stay.
pub fn batch_invert(values: &mut [Fr], scratch: &mut [Fr]) {
    let mut product = Fr::ONE;
    for (value, before) in values.iter().zip(scratch.iter_mut()) {
        *before = product;
        if !bool::from(value.is_zero()) {
            product *= value;
        }
    }
    let mut inverse = product.invert().unwrap_or(Fr::ZERO);
    for (value, before) in values.iter_mut().zip(scratch.iter()).rev() {
        if !bool::from(value.is_zero()) {
            let rest = inverse * *value;
            *value = inverse * before;
            inverse = rest;
        }
    }
}

/// `count` consecutive powers of `base`, beginning with `first`.
pub fn powers(first: Fr, base: Fr, count: usize) -> impl Iterator<Item = Fr> {
    std::iter::successors(Some(first), move |power| Some(*power * base)).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_unity_is_that_of_snarkjs() {
        // w of an exported verification key with power 28
        let expected = Fr::from_str_vartime(
            "19103219067921713944291392827692070036145651957329286315305642004821462161904",
        );
        assert_eq!(Some(root_of_unity(28)), expected);
        assert_eq!(root_of_unity(1), -Fr::ONE);
    }

    #[test]
    fn plain_bytes_are_refused_from_the_order_upwards() {
        let mut order = FIELD_ORDER;
        assert!(from_plain(&bytes_of(&order)).is_none());
        order[0] -= 1;
        assert_eq!(from_plain(&bytes_of(&order)), Some(-Fr::ONE));
        assert_eq!(plain_words(&-Fr::ONE), order);
    }

    #[test]
    fn batch_inversion_leaves_zeros() {
        let mut values = [Fr::from(3), Fr::ZERO, Fr::from(7)];
        batch_invert(&mut values, &mut [Fr::ZERO; 3]);
        assert_eq!(values[0] * Fr::from(3), Fr::ONE);
        assert_eq!(values[1], Fr::ZERO);
        assert_eq!(values[2] * Fr::from(7), Fr::ONE);
    }
}
