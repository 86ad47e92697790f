//! Baby Jubjub from outside: the points that ERC-2494 publishes, points of small order, and bytes that are refused.

#![allow(clippy::unwrap_used)] // helpers of tests unwrap too

use twopm_zk_prover::arithmetic::baby_jubjub::{sum_of_multiples, terms, Point, Scalar, POINT, SCALAR};
use twopm_zk_prover::arithmetic::field::{bytes_of, BASE_FIELD_ORDER, FIELD_ORDER};

/// The order of the subgroup, least significant word first.
const ORDER: [u64; 4] = [0x677297dc392126f1, 0xab3eedb83920ee0a, 0x370a08b6d0302b0b, 0x060c89ce5c263405];

// https://eips.ethereum.org/EIPS/eip-2494, section "Test Cases"
const FIRST: [&str; 2] = [
    "17777552123799933955779906779655732241715742912184938656739573121738514868268",
    "2626589144620713026669568689430873010625803728049924121243784502389097019475",
];
const SECOND: [&str; 2] = [
    "16540640123574156134436876038791482806971768689494387082833631921987005038935",
    "20819045374670962167435360035096875258406992893633759881276124905556507972311",
];
const SUM: [&str; 2] = [
    "7916061937171219682591368294088513039687205273691143098332585753343424131937",
    "14035240266687799601661095864649209771790948434046947201833777492504781204499",
];
const DOUBLE: [&str; 2] = [
    "6890855772600357754907169075114257697580319025794532037257385534741338397365",
    "4338620300185947561074059802482547481416142213883829469920100239455078257889",
];
const BASE: [&str; 2] = [
    "5299619240641551281634865583518297030282874472190772894086521144482721001553",
    "16950150798460657717958625567821834550301663161624707787222815936182638968203",
];
const IDENTITY: [&str; 2] = ["0", "1"];
/// (0, -1), of order 2.
const ORDER_2: [&str; 2] =
    ["0", "21888242871839275222246405745257275088548364400416034343698204186575808495616"];

/// The 32 little-endian bytes of a decimal number.
fn number(text: &str) -> [u8; SCALAR] {
    let mut bytes = [0u8; SCALAR];
    for digit in text.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let sum = u32::from(*byte) * 10 + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
    }
    bytes
}

fn bytes(coordinates: [&str; 2]) -> [u8; POINT] {
    let mut bytes = [0; POINT];
    bytes[..SCALAR].copy_from_slice(&number(coordinates[0]));
    bytes[SCALAR..].copy_from_slice(&number(coordinates[1]));
    bytes
}

fn point(coordinates: [&str; 2]) -> Point {
    Point::from_bytes(&bytes(coordinates)).unwrap()
}

fn small(value: u8) -> [u8; SCALAR] {
    let mut bytes = [0; SCALAR];
    bytes[0] = value;
    bytes
}

fn sum(terms: &[(Point, [u8; SCALAR])]) -> Point {
    let points: Vec<Point> = terms.iter().map(|(point, _)| *point).collect();
    let scalars: Vec<Scalar> = terms.iter().map(|(_, scalar)| Scalar::from_bytes(scalar)).collect();
    sum_of_multiples(&points, &scalars)
}

#[test]
fn published_sums() {
    let (first, second) = (point(FIRST), point(SECOND));
    assert_eq!(sum(&[(first, small(1)), (second, small(1))]), point(SUM));
    assert_eq!(sum(&[(first, small(2))]), point(DOUBLE));
    assert_eq!(sum(&[(first, small(1)), (first, small(1))]), point(DOUBLE));
    assert_eq!(sum(&[]), point(IDENTITY));
}

#[test]
fn the_published_base_has_the_order_of_the_subgroup() {
    let (base, identity) = (point(BASE), point(IDENTITY));
    assert_eq!(sum(&[(base, bytes_of(&ORDER))]), identity);
    assert_eq!(sum(&[(base, small(0))]), identity);
    let mut more = ORDER;
    more[0] += 1;
    assert_eq!(sum(&[(base, bytes_of(&more))]), base);
    let halves = [(base, [0xff; SCALAR]), (base, small(1))];
    let mut power = base; // 2^256 times it, by doublings
    for _ in 0..256 {
        power = sum(&[(power, small(2))]);
    }
    assert_eq!(sum(&halves), power);
}

#[test]
fn scalars_are_not_reduced_where_a_point_has_a_part_of_small_order() {
    let mixed = sum(&[(point(BASE), small(1)), (point(ORDER_2), small(1))]);
    assert_ne!(mixed, point(BASE));
    assert_eq!(sum(&[(mixed, bytes_of(&ORDER))]), point(ORDER_2));
    assert_eq!(sum(&[(mixed, small(8))]), sum(&[(point(BASE), small(8))]));
}

#[test]
fn every_multiple_by_a_byte_is_a_sum() {
    let first = point(FIRST);
    let mut expected = point(IDENTITY);
    for scalar in 0..=255 {
        assert_eq!(sum(&[(first, small(scalar))]), expected);
        expected = sum(&[(expected, small(1)), (first, small(1))]);
    }
}

#[test]
fn bytes_off_the_curve_or_not_reduced_or_of_a_wrong_length_are_refused() {
    let good = bytes(FIRST);
    assert_eq!(point(FIRST).to_bytes(), good);
    for start in [0, SCALAR] {
        for order in [FIELD_ORDER, BASE_FIELD_ORDER] {
            let mut wrong = good;
            wrong[start..start + SCALAR].copy_from_slice(&bytes_of(&order));
            assert_eq!(Point::from_bytes(&wrong), None);
        }
        let mut wrong = good;
        wrong[start] ^= 1;
        assert_eq!(Point::from_bytes(&wrong), None);
    }
    let mut same = bytes(IDENTITY);
    same[..SCALAR].copy_from_slice(&bytes_of(&FIELD_ORDER)); // 0, but not reduced
    assert_eq!(Point::from_bytes(&same), None);

    assert!(terms(&good, &small(1)).is_ok());
    for (points, scalars) in [(POINT, SCALAR - 1), (POINT - 1, SCALAR), (0, SCALAR), (POINT, 0), (0, 1)] {
        let refused = terms(&good[..points], &small(1)[..scalars]).err().unwrap();
        assert_eq!(refused.kind(), "point");
    }
    let mut wrong = good;
    wrong[3] ^= 4;
    assert_eq!(terms(&wrong, &small(1)).err().unwrap().kind(), "point");
}
