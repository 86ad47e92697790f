//! The pairing of BN254, as far as verifiers need it.

use halo2curves::bn256::{multi_miller_loop, G1Affine, G2Affine, G1};
use halo2curves::group::{Curve, Group};
use halo2curves::pairing::MillerLoopResult;

/// Whether the product of all pairings is one.
pub fn pairings_cancel(pairs: &[(G1, G2Affine)]) -> bool {
    let affine: Vec<G1Affine> = pairs.iter().map(|(point, _)| point.to_affine()).collect();
    let terms: Vec<(&G1Affine, &G2Affine)> = affine.iter().zip(pairs.iter().map(|(_, q)| q)).collect();
    bool::from(multi_miller_loop(&terms).final_exponentiation().is_identity())
}

#[cfg(test)]
mod tests {
    use super::*;
    use halo2curves::bn256::Fr;

    #[test]
    fn a_factor_may_stand_on_either_side() {
        let (one, two) = (G1::generator(), G2Affine::generator());
        let six = (two * Fr::from(6)).to_affine();
        assert!(pairings_cancel(&[(one * Fr::from(6), two), (-one, six)]));
        assert!(!pairings_cancel(&[(one * Fr::from(5), two), (-one, six)]));
    }
}
