//! The formulas of gates and permutation, over blocks of rows. Their bounds are checked by the tests.

use std::borrow::Cow;

use halo2curves::bn256::Fr;
use halo2curves::ff::Field;

use crate::arithmetic::packed::{each, run, Constant, Kernel, Packed, Pointwise, MOST_LANES};
use crate::files::columns::{Column, Wire};
use crate::plonk::proving_key::ProvingKey;

/// Values of selectors and wires in some rows.
pub struct GateValues<'a> {
    /// qm, ql, qr, qo, qc.
    pub selectors: [&'a [Fr]; Column::SELECTORS.len()],
    /// a, b, c.
    pub wires: [&'a [Fr]; Wire::COUNT],
}

impl GateValues<'_> {
    /// qm a b + ql a + qr b + qo c + qc: below 5p.
    #[inline(always)]
    fn at<P: Packed>(&self, i: usize) -> P {
        let [qm, ql, qr, qo, qc] = self.selectors.map(|values| P::load(&values[i..]));
        let [a, b, c] = self.wires.map(|values| P::load_factor(&values[i..]));
        qm.times(b).plus(ql).times(a).plus(qr.times(b)).plus(qo.times(c)).plus(qc)
    }

    /// The rows' values of the gate.
    pub fn fill(self, out: &mut [Fr]) {
        let length = out.len();
        each(&mut GatesInto { gates: self, out }, length);
    }
}

struct GatesInto<'a> {
    gates: GateValues<'a>,
    out: &'a mut [Fr],
}

impl Pointwise for GatesInto<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        self.gates.at::<P>(i).store(&mut self.out[i..]);
    }
}

/// What the permutation's factors share over all rows.
pub struct PermutationFactors {
    beta: Constant,
    gamma: Constant,
    /// beta, beta k1, beta k2.
    identity: [Constant; Wire::COUNT],
}

impl PermutationFactors {
    /// From the challenges of round 2; identity factors are times `place`.
    pub fn new(key: &ProvingKey, beta: Fr, gamma: Fr, place: Fr) -> Self {
        let (k1, k2) = (key.compact.header.verification_key.k1, key.compact.header.verification_key.k2);
        let identity = [Fr::ONE, k1, k2].map(|k| Constant::from(beta * place * k));
        PermutationFactors { beta: beta.into(), gamma: gamma.into(), identity }
    }

    /// The same for other rows, whose points are `place` times as large.
    fn at_place(&self, place: Fr) -> Self {
        PermutationFactors { identity: self.identity.map(|factor| (factor.value * place).into()), ..*self }
    }

    /// (a + beta x + gamma)(b + beta k1 x + gamma)(c + beta k2 x + gamma), as a value below 2p; `x` from `points`.
    #[inline(always)]
    fn identity<P: Packed>(&self, wires: &[&[Fr]; Wire::COUNT], points: &[Fr], i: usize) -> P {
        let [a, b, c] = wires;
        let [ka, kb, kc] = self.identity.each_ref().map(|constant| P::factor(constant));
        let (x, x_factor) = (P::load(&points[i..]), P::load_factor(&points[i..]));
        let first = P::load(&a[i..]).plus(P::constant(&self.gamma)).plus(x.times(ka)); // below 4p
        let wire = |values: &[Fr], k: P| {
            P::load_factor(&values[i..]).plus(P::factor(&self.gamma)).plus(x_factor.times(k))
            // below 19p
        };
        first.times(wire(b, kb)).times(wire(c, kc))
    }

    /// (a + beta s1 + gamma)(b + beta s2 + gamma)(c + beta s3 + gamma), as a value below 2p.
    #[inline(always)]
    fn sigma<P: Packed>(&self, wires: &[&[Fr]; Wire::COUNT], sigmas: &[&[Fr]; Wire::COUNT], i: usize) -> P {
        let beta = P::factor(&self.beta);
        let first = P::load(&sigmas[0][i..]).times(beta);
        let first = P::load(&wires[0][i..]).plus(P::constant(&self.gamma)).plus(first);
        let wire = |k: usize| {
            let sigma = P::load_factor(&sigmas[k][i..]).times(beta);
            P::load_factor(&wires[k][i..]).plus(P::factor(&self.gamma)).plus(sigma)
        };
        first.times(wire(1)).times(wire(2))
    }
}

/// What the quotient's terms share over a coset.
pub struct QuotientFactors {
    permutation: PermutationFactors,
    alpha: Constant,
    minus_one: Constant,
    vanishing_inverse: Constant,
}

impl QuotientFactors {
    /// From the challenges of rounds 2 and 3; `constant` is X^n on the coset.
    pub fn new(key: &ProvingKey, [beta, gamma, alpha]: [Fr; 3], constant: Fr) -> Self {
        QuotientFactors {
            permutation: PermutationFactors::new(key, beta, gamma, Fr::ONE),
            alpha: alpha.into(),
            minus_one: (-Fr::ONE).into(),
            vanishing_inverse: (constant - Fr::ONE).invert().unwrap_or(Fr::ZERO).into(),
        }
    }
}

/// A block of a coset: values of t from those of everything in it.
pub struct QuotientTerms<'a> {
    /// Selectors and wires.
    pub gates: GateValues<'a>,
    /// S1, S2, S3.
    pub sigmas: [&'a [Fr]; Wire::COUNT],
    /// The permutation's product.
    pub z: &'a [Fr],
    /// The permutation's product one row further.
    pub next: &'a [Fr],
    /// The first Lagrange polynomial.
    pub first: &'a [Fr],
    /// The points, up to the factor `place`.
    pub points: &'a [Fr],
    /// What `points` are to be multiplied with.
    pub place: Fr,
    /// PI, where its values are at hand; else empty, and the two slices below stand for it.
    pub public_input: &'a [Fr],
    /// Minus each public input (at most eight).
    pub publics: &'a [Constant],
    /// The Lagrange polynomial of each public input.
    pub lagrange: &'a [Cow<'a, [Fr]>],
    /// What all blocks share.
    pub factors: &'a QuotientFactors,
    /// The values of t.
    pub out: &'a mut [Fr],
}

impl QuotientTerms<'_> {
    /// Computes all values.
    pub fn fill(mut self) {
        let permutation = self.factors.permutation.at_place(self.place);
        let length = self.out.len();
        each(&mut Quotient { terms: &mut self, permutation }, length);
    }
}

struct Quotient<'t, 'a> {
    terms: &'t mut QuotientTerms<'a>,
    permutation: PermutationFactors,
}

impl Pointwise for Quotient<'_, '_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        let terms = &*self.terms;
        let (factors, wires) = (terms.factors, &terms.gates.wires);
        let alpha = P::factor(&factors.alpha);
        let z = P::load_factor(&terms.z[i..]);
        let identity: P = self.permutation.identity::<P>(wires, terms.points, i).times(z);
        let sigma: P = self.permutation.sigma::<P>(wires, &terms.sigmas, i);
        let sigma = sigma.times(P::load_factor(&terms.next[i..]));
        let above = P::load(&terms.z[i..]).plus(P::constant(&factors.minus_one));
        let first = above.times(P::load_factor(&terms.first[i..]));
        let permutation = identity.minus::<2>(sigma).plus(first.times(alpha)).times(alpha);
        let mut total = terms.gates.at::<P>(i).plus(permutation);
        if terms.public_input.is_empty() {
            for (public, lagrange) in terms.publics.iter().zip(terms.lagrange) {
                total = total.plus(P::load(&lagrange[i..]).times(P::factor(public)));
            }
        } else {
            total = total.plus(P::load(&terms.public_input[i..]));
        }
        total.times(P::factor(&factors.vanishing_inverse)).store(&mut self.terms.out[i..]);
    }
}

/// Rows that a lane takes in [`PermutationBlock`].
pub const UNIT: usize = 128;
/// Rows of a [`PermutationBlock`].
pub const BLOCK: usize = MOST_LANES * UNIT;
/// Rows of buffers lie so far apart: a power of two would put all lanes into the same lines of the cache.
const STRIDE: usize = UNIT + 4;

/// A block of rows of the permutation's product: ratios of identity and sigma factors, multiplied up.
///
/// In each unit `out[i]` becomes identity factors before i times sigma factors from i on: the product before i, but
/// for one division by the unit's whole product of sigma factors.
pub struct PermutationBlock<'a> {
    /// a, b, c.
    pub wires: [&'a [Fr]; Wire::COUNT],
    /// S1, S2, S3.
    pub sigmas: [&'a [Fr]; Wire::COUNT],
    /// The points, up to the factor that `factors` have.
    pub points: &'a [Fr],
    /// Factors for this block.
    pub factors: &'a PermutationFactors,
    /// Up to [`BLOCK`] numbers.
    pub out: &'a mut [Fr],
}

impl PermutationBlock<'_> {
    /// Fills `out`; returns for each unit the products of its identity factors and of its sigma factors.
    pub fn fill(self) -> Vec<[Fr; 2]> {
        let length = self.out.len();
        let mut identity = vec![Fr::ONE; MOST_LANES * STRIDE];
        let mut sigma = identity.clone();
        for (unit, first) in (0..length).step_by(UNIT).enumerate() {
            let range = first..length.min(first + UNIT);
            let rows = unit * STRIDE..unit * STRIDE + range.len();
            let mut factors = RowFactors {
                wires: self.wires.map(|values| &values[range.clone()]),
                sigmas: self.sigmas.map(|values| &values[range.clone()]),
                points: &self.points[range.clone()],
                factors: self.factors,
                identity: &mut identity[rows.clone()],
                sigma: &mut sigma[rows],
            };
            each(&mut factors, range.len());
        }
        let mut products =
            Products { identity: &mut identity, sigma: &mut sigma, totals: [[Fr::ONE; MOST_LANES]; 2] };
        run(&mut products);
        let [identities, sigmas] = products.totals;
        for (out, products) in self.out.chunks_mut(UNIT).zip(sigma.chunks(STRIDE)) {
            out.copy_from_slice(&products[..out.len()]);
        }
        (0..length.div_ceil(UNIT)).map(|unit| [identities[unit], sigmas[unit]]).collect()
    }
}

/// Identity and sigma factors of some rows.
struct RowFactors<'a> {
    wires: [&'a [Fr]; Wire::COUNT],
    sigmas: [&'a [Fr]; Wire::COUNT],
    points: &'a [Fr],
    factors: &'a PermutationFactors,
    identity: &'a mut [Fr],
    sigma: &'a mut [Fr],
}

impl Pointwise for RowFactors<'_> {
    #[inline(always)]
    fn at<P: Packed>(&mut self, i: usize) {
        let identity: P = self.factors.identity(&self.wires, self.points, i);
        identity.store(&mut self.identity[i..]);
        let sigma: P = self.factors.sigma(&self.wires, &self.sigmas, i);
        sigma.store(&mut self.sigma[i..]);
    }
}

/// Units side by side, a lane each: products before a row in `identity`, from it on in `sigma`, then both in `sigma`.
struct Products<'a> {
    identity: &'a mut [Fr],
    sigma: &'a mut [Fr],
    totals: [[Fr; MOST_LANES]; 2],
}

impl Kernel for Products<'_> {
    #[inline(always)]
    fn run<P: Packed>(&mut self) {
        for lane in (0..MOST_LANES).step_by(P::LANES) {
            let mut before = P::constant(&Fr::ONE.into());
            for i in lane * STRIDE..lane * STRIDE + UNIT {
                let factor = P::load_factor_strided(&self.identity[i..], STRIDE);
                before.store_strided(&mut self.identity[i..], STRIDE);
                before = before.times(factor);
            }
            before.store(&mut self.totals[0][lane..]);
            let mut after = P::constant(&Fr::ONE.into());
            for i in (lane * STRIDE..lane * STRIDE + UNIT).rev() {
                after = after.times(P::load_factor_strided(&self.sigma[i..], STRIDE));
                let both = after.times(P::load_factor_strided(&self.identity[i..], STRIDE));
                both.store_strided(&mut self.sigma[i..], STRIDE);
            }
            after.store(&mut self.totals[1][lane..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::packed::tests::{samples, Bounded};

    const LENGTH: usize = 77;

    fn columns<const N: usize>(seed: u64) -> [Vec<Fr>; N] {
        std::array::from_fn(|k| samples(LENGTH, seed + k as u64))
    }

    fn slices<const N: usize>(columns: &[Vec<Fr>; N]) -> [&[Fr]; N] {
        columns.each_ref().map(Vec::as_slice)
    }

    /// Runs a formula with vectors, and with numbers that check their bounds.
    fn both(mut run: impl FnMut(&mut [Fr], bool)) -> Vec<Fr> {
        let (mut one, mut other) = (vec![Fr::ZERO; LENGTH], vec![Fr::ONE; LENGTH]);
        run(&mut one, false);
        run(&mut other, true);
        assert_eq!(one, other);
        one
    }

    fn each_bounded(kernel: &mut impl Pointwise, bounded: bool) {
        match bounded {
            true => (0..LENGTH).for_each(|i| kernel.at::<Bounded>(i)),
            false => each(kernel, LENGTH),
        }
    }

    fn permutation(seed: u64) -> PermutationFactors {
        let [beta, gamma, k1, k2] = [5, 6, 7, 8].map(|k| samples(30, seed + k)[29]);
        let identity = [Fr::ONE, k1, k2].map(|k| Constant::from(beta * k));
        PermutationFactors { beta: beta.into(), gamma: gamma.into(), identity }
    }

    fn identity_of(factors: &PermutationFactors, wires: &[&[Fr]; 3], x: Fr, i: usize) -> Fr {
        let factor = |k: usize| wires[k][i] + factors.identity[k].value * x + factors.gamma.value;
        factor(0) * factor(1) * factor(2)
    }

    fn sigma_of(factors: &PermutationFactors, wires: &[&[Fr]; 3], sigmas: &[&[Fr]; 3], i: usize) -> Fr {
        let factor = |k: usize| wires[k][i] + factors.beta.value * sigmas[k][i] + factors.gamma.value;
        factor(0) * factor(1) * factor(2)
    }

    #[test]
    fn the_quotients_terms_are_those_of_the_paper_within_their_bounds() {
        let (wires, selectors, sigmas) = (columns(1), columns(11), columns(21));
        let [z, next, first, points, pi] = columns(31);
        let (wires, selectors, sigmas) = (slices(&wires), slices(&selectors), slices(&sigmas));
        let factors = QuotientFactors {
            permutation: permutation(3),
            alpha: samples(20, 41)[19].into(),
            minus_one: (-Fr::ONE).into(),
            vanishing_inverse: samples(20, 42)[19].into(),
        };
        let place = samples(20, 43)[19];
        let lagrange: [Vec<Fr>; 8] = columns(51);
        let lagrange = lagrange.each_ref().map(|values| Cow::Borrowed(values.as_slice()));
        let publics: Vec<Constant> = samples(8, 61).into_iter().map(Constant::from).collect();
        for public_input in [&pi[..], &[]] {
            let results = both(|out, bounded| {
                let gates = GateValues { selectors, wires };
                let mut terms = QuotientTerms {
                    gates,
                    sigmas,
                    z: &z,
                    next: &next,
                    first: &first,
                    points: &points,
                    place,
                    public_input,
                    publics: &publics,
                    lagrange: &lagrange,
                    factors: &factors,
                    out,
                };
                let permutation = factors.permutation.at_place(place);
                each_bounded(&mut Quotient { terms: &mut terms, permutation }, bounded);
            });
            let alpha = factors.alpha.value;
            for (i, result) in results.iter().enumerate() {
                let [a, b, c] = wires.map(|wire| wire[i]);
                let [qm, ql, qr, qo, qc] = selectors.map(|selector| selector[i]);
                let public = match public_input.get(i) {
                    Some(value) => *value,
                    None => publics.iter().zip(&lagrange).map(|(p, l)| p.value * l[i]).sum(),
                };
                let gate = qm * a * b + ql * a + qr * b + qo * c + qc + public;
                let identity = identity_of(&factors.permutation, &wires, points[i] * place, i) * z[i];
                let sigma = sigma_of(&factors.permutation, &wires, &sigmas, i) * next[i];
                let first = (z[i] - Fr::ONE) * first[i];
                let t = gate + alpha * (identity - sigma) + alpha * alpha * first;
                assert_eq!(*result, t * factors.vanishing_inverse.value);
            }
        }
    }

    #[test]
    fn rows_have_their_gates_and_factors_within_their_bounds() {
        let (wires, selectors, sigmas) = (columns(1), columns(11), columns(21));
        let (wires, selectors, sigmas) = (slices(&wires), slices(&selectors), slices(&sigmas));
        let points = samples(LENGTH, 9);
        let gates = both(|out, bounded| {
            each_bounded(&mut GatesInto { gates: GateValues { selectors, wires }, out }, bounded);
        });
        let factors = &permutation(4);
        let mut all_sigmas = vec![Fr::ZERO; LENGTH];
        let identities = both(|identity, bounded| {
            let sigma = &mut all_sigmas;
            let mut kernel = RowFactors { wires, sigmas, points: &points, factors, identity, sigma };
            each_bounded(&mut kernel, bounded);
        });
        for i in 0..LENGTH {
            let ([a, b, c], [qm, ql, qr, qo, qc]) = (wires.map(|w| w[i]), selectors.map(|s| s[i]));
            assert_eq!(gates[i], qm * a * b + ql * a + qr * b + qo * c + qc);
            assert_eq!(identities[i], identity_of(factors, &wires, points[i], i));
            assert_eq!(all_sigmas[i], sigma_of(factors, &wires, &sigmas, i));
        }
    }

    #[test]
    fn a_block_of_the_permutations_product_is_that_of_its_rows() {
        for length in [1, 8, UNIT, UNIT + 1, 700, BLOCK] {
            let numbers: [Vec<Fr>; 7] = std::array::from_fn(|k| samples(length, 70 + k as u64));
            let [a, b, c, s1, s2, s3, points] = numbers.each_ref().map(Vec::as_slice);
            let (wires, sigmas, factors) = ([a, b, c], [s1, s2, s3], permutation(5));
            let mut out = vec![Fr::ZERO; length];
            let block = PermutationBlock { wires, sigmas, points, factors: &factors, out: &mut out };
            let totals = block.fill();
            assert_eq!(totals.len(), length.div_ceil(UNIT));
            for (unit, [identity, sigma]) in totals.into_iter().enumerate() {
                let rows = unit * UNIT..length.min((unit + 1) * UNIT);
                let sigma_at = |i: usize| sigma_of(&factors, &wires, &sigmas, i);
                let identity_at = |i: usize| identity_of(&factors, &wires, points[i], i);
                for i in rows.clone() {
                    let before: Fr = (rows.start..i).map(identity_at).product();
                    let after: Fr = (i..rows.end).map(sigma_at).product();
                    assert_eq!(out[i], before * after);
                }
                assert_eq!(identity, rows.clone().map(identity_at).product());
                assert_eq!(sigma, rows.map(sigma_at).product());
            }
        }
    }

    #[test]
    fn units_are_multiplied_up_within_their_bounds() {
        let run_with = |bounded: bool| {
            let (mut identity, mut sigma) = (samples(8 * STRIDE, 1), samples(8 * STRIDE, 2));
            let totals = [[Fr::ZERO; MOST_LANES]; 2];
            let mut products = Products { identity: &mut identity, sigma: &mut sigma, totals };
            match bounded {
                true => products.run::<Bounded>(),
                false => run(&mut products),
            }
            (products.totals, identity, sigma)
        };
        assert!(run_with(true) == run_with(false));
    }
}
