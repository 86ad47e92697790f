//! The verifier of ePrint 2019/953, section 8.3, steps 4 to 12, with snarkjs' transcript.

use halo2curves::bn256::{multi_miller_loop, Fr, G1Affine, G2Affine, G1};
use halo2curves::ff::Field;
use halo2curves::group::{Curve, Group};
use halo2curves::pairing::MillerLoopResult;

use crate::arithmetic::curve::Point;
use crate::arithmetic::field::root_of_unity;
use crate::error::{Error, Result};
use crate::files::json::Proof;
use crate::files::zkey::Header;
use crate::plonk::transcript::{
    batching_challenge, evaluation_challenge, opening_challenge, permutation_challenges, quotient_challenge,
};

/// Whether the proof convinces; `Err` only where the public inputs do not fit the key.
pub fn verify(key: &Header, publics: &[Fr], proof: &Proof) -> Result<bool> {
    if publics.len() != key.publics as usize {
        let reason = format!("{} public inputs; the key has {}", publics.len(), key.publics);
        return Err(Error::Proof(reason));
    }
    let (beta, gamma) = permutation_challenges(key, publics, &proof.wires);
    let alpha = quotient_challenge(&beta, &gamma, &proof.z);
    let xi = evaluation_challenge(&alpha, &proof.quotient);
    let v = opening_challenge(&xi, &proof.evaluations);
    let u = batching_challenge(proof);

    let root = root_of_unity(key.power);
    let xi_n = (0..key.power).fold(xi, |value, _| value.square());
    let vanishing = xi_n - Fr::ONE;
    let Some(lagrange) = lagrange_at(&xi, vanishing, root, key.power, publics.len().max(1)) else {
        return Ok(false); // xi in the domain: no honest prover gets there
    };
    let public_input = -publics.iter().zip(&lagrange).map(|(public, l)| *public * l).sum::<Fr>();
    let [a, b, c, s1, s2, zw] = proof.evaluations;

    // step 8: constant part of the linearisation
    let sigma_ab = (a + beta * s1 + gamma) * (b + beta * s2 + gamma);
    let r0 = public_input - lagrange[0] * alpha.square() - alpha * sigma_ab * (c + gamma) * zw;

    // steps 9 and 10: all commitments opened at xi, one random combination
    let identity_abc =
        (a + beta * xi + gamma) * (b + beta * key.k1 * xi + gamma) * (c + beta * key.k2 * xi + gamma);
    let z_factor = alpha * identity_abc + alpha.square() * lagrange[0] + u;
    let v_powers: Vec<Fr> = crate::arithmetic::field::powers(v, v, 5).collect();
    let [qm, ql, qr, qo, qc] = key.selectors;
    let terms = [
        (qm, a * b),
        (ql, a),
        (qr, b),
        (qo, c),
        (qc, Fr::ONE),
        (proof.z, z_factor),
        (key.sigmas[2], -(alpha * beta * sigma_ab * zw)),
        (proof.quotient[0], -vanishing),
        (proof.quotient[1], -(vanishing * xi_n)),
        (proof.quotient[2], -(vanishing * xi_n.square())),
        (proof.wires[0], v_powers[0]),
        (proof.wires[1], v_powers[1]),
        (proof.wires[2], v_powers[2]),
        (key.sigmas[0], v_powers[3]),
        (key.sigmas[1], v_powers[4]),
        // step 11
        (Point::generator(), r0 - inner(&v_powers, &[a, b, c, s1, s2]) - u * zw),
        // step 12
        (proof.opening, xi),
        (proof.opening_next, u * xi * root),
    ];
    let right: G1 = terms.iter().map(|(point, factor)| point.times(factor)).sum();
    let left = G1::from(proof.opening) + proof.opening_next.times(&u);
    Ok(pairings_cancel(&[(-left, key.x2), (right, G2Affine::generator())]))
}

/// Whether the product of all pairings is one.
pub fn pairings_cancel(pairs: &[(G1, G2Affine)]) -> bool {
    let affine: Vec<G1Affine> = pairs.iter().map(|(point, _)| point.to_affine()).collect();
    let terms: Vec<(&G1Affine, &G2Affine)> = affine.iter().zip(pairs.iter().map(|(_, q)| q)).collect();
    bool::from(multi_miller_loop(&terms).final_exponentiation().is_identity())
}

fn inner(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// First `count` Lagrange polynomials at xi; `None` where xi is in the domain.
fn lagrange_at(xi: &Fr, vanishing: Fr, root: Fr, power: u32, count: usize) -> Option<Vec<Fr>> {
    let size = Fr::from(1u64 << power);
    let mut point = Fr::ONE;
    (0..count)
        .map(|_| {
            let below: Option<Fr> = (size * (*xi - point)).invert().into();
            let value = below.map(|inverse| point * vanishing * inverse);
            point *= root;
            value
        })
        .collect()
}
