//! Transforms of scalars eight at a time, two levels to a pass over memory.
//!
//! Between passes a block of eight scalars lies in memory word by word, and its numbers are below 4p, which 256
//! bits hold. Blocks are turned round in passes that all transforms begin and end with; the three levels inside a
//! block are done for eight blocks at once, a lane for each. Roots come as factors (16 times a root, see
//! `packed.rs`). Bounds stand beside the formulas; products of numbers below jp by roots are below (1 + j/84)p.

use std::arch::x86_64::*;

use halo2curves::bn256::Fr;
use rayon::prelude::*;

use super::lanes::*;
use super::scalar::{gather_words, load_words, scatter_words, store_words, ORDER};

/// Eight scalars in a row, or their words side by side.
type Block = [Fr; 8];

/// The least length of a transform, as a power of two.
pub const LEAST_POWER: usize = 6;
/// Transforms up to this power of two stay on one thread, and in the first cache.
const SEGMENT_POWER: usize = 10;
/// Blocks of each quarter that a thread takes at a time.
const CHUNK: usize = 64;

/// Coefficients (in order) to values (bit-reversed), in place; `roots[k]` has 2^k factors.
///
/// # Safety
/// [`available`] must have returned true; the length is 2^roots.len(), at least 2^[`LEAST_POWER`].
pub unsafe fn forward(values: &mut [Fr], roots: &[Vec<Fr>]) {
    assert!(roots.len() >= LEAST_POWER && values.len() == 1 << roots.len());
    let blocks = values.as_chunks_mut().0;
    // SAFETY: as the caller promises.
    blocks.par_chunks_mut(4 * CHUNK).for_each(|blocks| unsafe { open(blocks) });
    descend(blocks, roots);
}

/// Values (bit-reversed) to coefficients (in order) times a factor, in place; `roots` as in [`forward`].
///
/// # Safety
/// As for [`forward`].
pub unsafe fn inverse(values: &mut [Fr], roots: &[Vec<Fr>], factor: &Fr) {
    assert!(roots.len() >= LEAST_POWER && values.len() == 1 << roots.len());
    let blocks = values.as_chunks_mut().0;
    ascend(blocks, roots);
    // SAFETY: as the caller promises.
    blocks.par_chunks_mut(4 * CHUNK).for_each(|blocks| unsafe { close(blocks, factor) });
}

fn descend(blocks: &mut [Block], roots: &[Vec<Fr>]) {
    let power = roots.len();
    // SAFETY: here and below, as the callers of `forward` and `inverse` promise.
    if power <= SEGMENT_POWER {
        return unsafe { descend_segment(blocks, roots) };
    }
    each_quarter(blocks, roots, |quarters, roots| unsafe { split_quarters(quarters, roots) });
    recurse(blocks, &|blocks| descend(blocks, &roots[..power - 2]));
}

fn ascend(blocks: &mut [Block], roots: &[Vec<Fr>]) {
    let power = roots.len();
    if power <= SEGMENT_POWER {
        // SAFETY: as in `descend`.
        return unsafe { ascend_segment(blocks, roots) };
    }
    recurse(blocks, &|blocks| ascend(blocks, &roots[..power - 2]));
    // SAFETY: as in `descend`.
    each_quarter(blocks, roots, |quarters, roots| unsafe { join_quarters(quarters, roots) });
}

fn recurse(blocks: &mut [Block], run: &(dyn Fn(&mut [Block]) + Sync)) {
    let quarters = quarters(blocks);
    let [a, b, c, d] = quarters;
    rayon::join(|| rayon::join(|| run(a), || run(b)), || rayon::join(|| run(c), || run(d)));
}

fn quarters(blocks: &mut [Block]) -> [&mut [Block]; 4] {
    let (low, high) = blocks.split_at_mut(blocks.len() / 2);
    let (a, b) = low.split_at_mut(low.len() / 2);
    let (c, d) = high.split_at_mut(high.len() / 2);
    [a, b, c, d]
}

/// Roots that a part of a pass needs: those of the wider level for the first and second quarter, and the narrower's.
type Roots<'r> = [&'r [Fr]; 3];

fn quarter_roots(roots: &[Vec<Fr>]) -> Roots<'_> {
    let [.., narrow, wide] = roots else { return [&[]; 3] };
    let (first, second) = wide.split_at(wide.len() / 2);
    [first, second, narrow]
}

/// Runs one pass over two levels, in parallel.
fn each_quarter(
    blocks: &mut [Block],
    roots: &[Vec<Fr>],
    pass: impl Fn([&mut [Block]; 4], Roots) + Sync + Send,
) {
    let [a, b, c, d] = quarters(blocks).map(|quarter| quarter.par_chunks_mut(CHUNK));
    let [first, second, narrow] = quarter_roots(roots).map(|roots| roots.par_chunks(8 * CHUNK));
    let roots = first.zip(second).zip(narrow);
    a.zip(b).zip(c.zip(d)).zip(roots).for_each(|(((a, b), (c, d)), ((first, second), narrow))| {
        pass([a, b, c, d], [first, second, narrow]);
    });
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn load_raw(block: &Block) -> [__m512i; 4] {
    let block: *const u64 = block.as_ptr().cast();
    // SAFETY: a block is four vectors; unaligned loads.
    [0, 8, 16, 24].map(|at| unsafe { _mm512_loadu_si512(block.add(at).cast()) })
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn store_raw(words: &[__m512i; 4], block: &mut Block) {
    let block: *mut u64 = block.as_mut_ptr().cast();
    for (i, word) in words.iter().enumerate() {
        // SAFETY: a block is four vectors; unaligned stores.
        unsafe { _mm512_storeu_si512(block.add(8 * i).cast(), *word) };
    }
}

/// A block between passes: numbers below 4p.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn get(block: &Block) -> Lanes {
    split(&load_raw(block))
}

/// Puts numbers below 4p, in limbs of 52 bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn put(a: &Lanes, block: &mut Block) {
    store_raw(&joined(a), block);
}

/// Puts numbers below 8p.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn put_below_8p(a: &Lanes, block: &mut Block) {
    put(&less_where_positive::<Scalar, 4>(&carried(*a)), block);
}

/// Factors of eight consecutive roots.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn root(roots: &[Fr], block: usize) -> Lanes {
    split(&load_words(&roots.as_chunks().0[block]))
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn open(blocks: &mut [Block]) {
    for block in blocks {
        let words = load_words(block);
        store_raw(&words, block);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn close(blocks: &mut [Block], factor: &Fr) {
    let factor = splat(limbs(factor.0));
    for block in blocks {
        let scaled = reduced::<Scalar>(&times::<Scalar>(&get(block), &factor));
        store_words(&joined(&scaled), block);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn descend_segment(blocks: &mut [Block], roots: &[Vec<Fr>]) {
    let mut power = roots.len();
    if power.is_multiple_of(2) {
        for blocks in blocks.chunks_exact_mut(1 << (power - 3)) {
            split_halves(blocks, &roots[power - 1]);
        }
        power -= 1;
    }
    while power > 3 {
        for blocks in blocks.chunks_exact_mut(1 << (power - 3)) {
            split_quarters(quarters(blocks), quarter_roots(&roots[..power]));
        }
        power -= 2;
    }
    for blocks in blocks.as_chunks_mut().0 {
        finish_blocks(blocks, roots);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn ascend_segment(blocks: &mut [Block], roots: &[Vec<Fr>]) {
    for blocks in blocks.as_chunks_mut().0 {
        begin_blocks(blocks, roots);
    }
    let mut power = 3;
    while power + 2 <= roots.len() {
        power += 2;
        for blocks in blocks.chunks_exact_mut(1 << (power - 3)) {
            join_quarters(quarters(blocks), quarter_roots(&roots[..power]));
        }
    }
    if power < roots.len() {
        join_halves(blocks, &roots[power]);
    }
}

/// One level of a forward transform.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn split_halves(blocks: &mut [Block], roots: &[Fr]) {
    let (low, high) = blocks.split_at_mut(blocks.len() / 2);
    for (i, (low, high)) in low.iter_mut().zip(high).enumerate() {
        let (a, b) = (get(low), get(high));
        put_below_8p(&plus(&a, &b), low);
        put(&times::<Scalar>(&carried(minus::<Scalar, 4>(&a, &b)), &root(roots, i)), high);
    }
}

/// Two levels of a forward transform.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn split_quarters([a, b, c, d]: [&mut [Block]; 4], [first, second, narrow]: Roots) {
    for (i, (((a, b), c), d)) in a.iter_mut().zip(b).zip(c).zip(d).enumerate() {
        let [va, vb, vc, vd] = [get(a), get(b), get(c), get(d)]; // below 4p
        let (ac, bd) = (plus(&va, &vc), plus(&vb, &vd)); // below 8p
        let lower = times::<Scalar>(&carried(minus::<Scalar, 4>(&va, &vc)), &root(first, i)); // below 2p
        let upper = times::<Scalar>(&carried(minus::<Scalar, 4>(&vb, &vd)), &root(second, i));
        let narrow = root(narrow, i);
        let sum = carried(plus(&ac, &bd)); // below 16p
        put_below_8p(&less_where_positive::<Scalar, 8>(&sum), a);
        put(&times::<Scalar>(&carried(minus::<Scalar, 8>(&ac, &bd)), &narrow), b);
        put(&carried(plus(&lower, &upper)), c);
        put(&times::<Scalar>(&carried(minus::<Scalar, 2>(&lower, &upper)), &narrow), d);
    }
}

/// One level of an inverse transform.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn join_halves(blocks: &mut [Block], roots: &[Fr]) {
    let (low, high) = blocks.split_at_mut(blocks.len() / 2);
    for (i, (low, high)) in low.iter_mut().zip(high).enumerate() {
        let (a, b) = (get(low), times::<Scalar>(&get(high), &root(roots, i))); // below 4p and 2p
        put_below_8p(&plus(&a, &b), low);
        put_below_8p(&minus::<Scalar, 2>(&a, &b), high);
    }
}

/// Two levels of an inverse transform.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn join_quarters([a, b, c, d]: [&mut [Block]; 4], [first, second, narrow]: Roots) {
    for (i, (((a, b), c), d)) in a.iter_mut().zip(b).zip(c).zip(d).enumerate() {
        let narrow = root(narrow, i);
        let (va, vb) = (get(a), times::<Scalar>(&get(b), &narrow)); // below 4p and 2p
        let (vc, vd) = (get(c), times::<Scalar>(&get(d), &narrow));
        let (sum, difference) = (plus(&va, &vb), minus::<Scalar, 2>(&va, &vb)); // below 6p
        let lower = times::<Scalar>(&carried(plus(&vc, &vd)), &root(first, i)); // below 2p
        let upper = times::<Scalar>(&carried(minus::<Scalar, 2>(&vc, &vd)), &root(second, i));
        put_below_8p(&plus(&sum, &lower), a);
        put_below_8p(&plus(&difference, &upper), b);
        put_below_8p(&minus::<Scalar, 2>(&sum, &lower), c);
        put_below_8p(&minus::<Scalar, 2>(&difference, &upper), d);
    }
}

/// Lanes of block k hold its scalars in this order, and lanes of eight blocks the blocks.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn across(blocks: &[Block; 8]) -> [[__m512i; 4]; 8] {
    let words = ORDER.map(|block| load_raw(&blocks[block]));
    let mut across = words;
    for word in 0..4 {
        let columns = transposed(words.each_ref().map(|words| words[word]));
        for (column, place) in columns.into_iter().zip(ORDER) {
            across[place][word] = column;
        }
    }
    across
}

/// The last three levels of a forward transform for eight blocks, whose scalars are reduced and put in order.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn finish_blocks(blocks: &mut [Block; 8], roots: &[Vec<Fr>]) {
    let x = across(blocks).map(|words| split(&words)); // below 4p
    let fourth = splat(limbs(roots[1][1].0));
    let mut y = x;
    for j in 0..4 {
        y[j] = carried(plus(&x[j], &x[j + 4])); // below 8p
        y[j + 4] = carried(minus::<Scalar, 4>(&x[j], &x[j + 4])); // below 8p
        if j > 0 {
            y[j + 4] = times::<Scalar>(&y[j + 4], &splat(limbs(roots[2][j].0)));
        }
    }
    let values = blocks.as_flattened_mut();
    for k in [0, 4] {
        let [even, odd] = [plus(&y[k], &y[k + 2]), plus(&y[k + 1], &y[k + 3])]; // below 16p
        let even2 = minus::<Scalar, 8>(&y[k], &y[k + 2]); // below 16p
        let odd2 = times::<Scalar>(&carried(minus::<Scalar, 8>(&y[k + 1], &y[k + 3])), &fourth); // below 2p
        let results = [
            plus(&even, &odd), // below 32p
            minus::<Scalar, 16>(&even, &odd),
            plus(&even2, &odd2),
            minus::<Scalar, 2>(&even2, &odd2),
        ];
        for (j, result) in results.iter().enumerate() {
            let words = joined(&reduced::<Scalar>(&carried(*result)));
            scatter_words(&words, &mut values[k + j..], 8);
        }
    }
}

/// The first three levels of an inverse transform for eight blocks of reduced scalars in order.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn begin_blocks(blocks: &mut [Block; 8], roots: &[Vec<Fr>]) {
    let fourth = splat(limbs(roots[1][1].0));
    let values = blocks.as_flattened();
    let mut y = [[_mm512_setzero_si512(); 5]; 8];
    for k in [0, 4] {
        let x: [Lanes; 4] = std::array::from_fn(|j| split(&gather_words(&values[k + j..], 8)));
        let (a, b) = (plus(&x[0], &x[1]), minus::<Scalar, 1>(&x[0], &x[1])); // below 2p
        let (c, d) = (plus(&x[2], &x[3]), carried(minus::<Scalar, 1>(&x[2], &x[3])));
        let d = times::<Scalar>(&d, &fourth); // below 2p
        y[k] = carried(plus(&a, &c)); // below 4p, as the others
        y[k + 1] = carried(plus(&b, &d));
        y[k + 2] = carried(minus::<Scalar, 2>(&a, &c));
        y[k + 3] = carried(minus::<Scalar, 2>(&b, &d));
    }
    let mut results = [[_mm512_setzero_si512(); 4]; 8];
    for j in 0..4 {
        let high = if j > 0 { times::<Scalar>(&y[j + 4], &splat(limbs(roots[2][j].0))) } else { y[4] };
        let sum = carried(plus(&y[j], &high)); // below 8p
        let difference = carried(minus::<Scalar, 4>(&y[j], &high));
        results[j] = joined(&less_where_positive::<Scalar, 4>(&sum));
        results[j + 4] = joined(&less_where_positive::<Scalar, 4>(&difference));
    }
    let mut words = [[_mm512_setzero_si512(); 4]; 8];
    for word in 0..4 {
        let rows = transposed(ORDER.map(|place| results[place][word]));
        for (row, block) in rows.into_iter().zip(ORDER) {
            words[block][word] = row;
        }
    }
    for (words, block) in words.iter().zip(blocks) {
        store_raw(words, block);
    }
}
