//! The verifier of ePrint 2019/953, section 8.3, steps 4 to 12, with snarkjs' transcript.

use halo2curves::bn256::{Fr, G2Affine, G1};
use halo2curves::ff::Field;

use crate::arithmetic::field::{powers, root_of_unity};
use crate::arithmetic::pairing::pairings_cancel;
use crate::arithmetic::point::Point;
use crate::error::{Error, Result};
use crate::files::columns::Column;
use crate::files::proof::Proof;
use crate::files::verification_key::VerificationKey;
use crate::plonk::transcript::Challenges;

/// Whether the proof convinces; `Err` only where the public inputs do not fit the key.
pub fn verify(key: &VerificationKey, publics: &[Fr], proof: &Proof) -> Result<bool> {
    if publics.len() != key.publics as usize {
        let reason = format!("{} public inputs; the key has {}", publics.len(), key.publics);
        return Err(Error::Proof(reason));
    }
    let challenges = Challenges::of(key, publics, proof);
    let xi_n = (0..key.power).fold(challenges.xi, |value, _| value.square());
    let count = publics.len().max(1);
    let Some(lagrange) = lagrange_at(&challenges.xi, xi_n - Fr::ONE, key.power, count) else {
        return Ok(false); // xi in the domain: no honest prover gets there
    };
    let public_input = -publics.iter().zip(&lagrange).map(|(public, l)| *public * l).sum::<Fr>();
    let at_xi = AtXi { xi_n, public_input, first_lagrange: lagrange[0] };
    let right: G1 =
        combination(key, proof, &challenges, &at_xi).iter().map(|(point, factor)| point.times(factor)).sum();
    let left = G1::from(proof.opening) + proof.opening_next.times(&challenges.u);
    Ok(pairings_cancel(&[(-left, key.x2), (right, G2Affine::generator())]))
}

/// Values at xi that verifiers compute themselves.
struct AtXi {
    xi_n: Fr,
    public_input: Fr,
    first_lagrange: Fr,
}

/// Steps 8 to 12: commitments and their factors in one random combination of all openings.
fn combination(
    key: &VerificationKey,
    proof: &Proof,
    challenges: &Challenges,
    at_xi: &AtXi,
) -> [(Point, Fr); 18] {
    let Challenges { beta, gamma, alpha, xi, v, u } = *challenges;
    let [a, b, c, s1, s2, zw] = proof.evaluations;
    let [wire_a, wire_b, wire_c] = proof.wires;
    let [low, mid, high] = proof.quotient;
    let vanishing = at_xi.xi_n - Fr::ONE;

    // step 8: constant part of the linearisation
    let first = alpha.square() * at_xi.first_lagrange;
    let sigma_ab = (a + beta * s1 + gamma) * (b + beta * s2 + gamma);
    let r0 = at_xi.public_input - first - alpha * sigma_ab * (c + gamma) * zw;

    // steps 9 and 10: all commitments opened at xi
    let identity_abc =
        (a + beta * xi + gamma) * (b + beta * key.k1 * xi + gamma) * (c + beta * key.k2 * xi + gamma);
    let v_powers: [Fr; 5] = {
        let mut power = powers(v, v, 5);
        std::array::from_fn(|_| power.next().unwrap_or(Fr::ZERO))
    };
    let opened = v_powers.iter().zip([a, b, c, s1, s2]).map(|(power, value)| *power * value).sum::<Fr>();
    [
        (key.commitment(Column::Qm), a * b),
        (key.commitment(Column::Ql), a),
        (key.commitment(Column::Qr), b),
        (key.commitment(Column::Qo), c),
        (key.commitment(Column::Qc), Fr::ONE),
        (proof.z, alpha * identity_abc + first + u),
        (key.commitment(Column::S3), -(alpha * beta * sigma_ab * zw)),
        (low, -vanishing),
        (mid, -(vanishing * at_xi.xi_n)),
        (high, -(vanishing * at_xi.xi_n.square())),
        (wire_a, v_powers[0]),
        (wire_b, v_powers[1]),
        (wire_c, v_powers[2]),
        (key.commitment(Column::S1), v_powers[3]),
        (key.commitment(Column::S2), v_powers[4]),
        // step 11
        (Point::generator(), r0 - opened - u * zw),
        // step 12
        (proof.opening, xi),
        (proof.opening_next, u * xi * root_of_unity(key.power)),
    ]
}

/// First `count` Lagrange polynomials at xi; `None` where xi is in the domain.
fn lagrange_at(xi: &Fr, vanishing: Fr, power: u32, count: usize) -> Option<Vec<Fr>> {
    let size = Fr::from(1u64 << power);
    powers(Fr::ONE, root_of_unity(power), count)
        .map(|point| {
            let below: Option<Fr> = (size * (*xi - point)).invert().into();
            below.map(|inverse| point * vanishing * inverse)
        })
        .collect()
}
