//! Names of what a circuit fixes in its keys: the wires of a gate, and the eight polynomials beside them.
//!
//! Arrays of three, five or eight in this crate are in these orders, which are those of the proving key, the
//! verification key and the transcript.

/// A column of signals: each gate takes one from every wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The left input.
    A,
    /// The right input.
    B,
    /// The output.
    C,
}

impl Wire {
    /// The number of wires.
    pub const COUNT: usize = 3;
    /// Every wire, in order.
    pub const ALL: [Wire; Wire::COUNT] = [Wire::A, Wire::B, Wire::C];

    /// The place of this wire in an array of all three.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A polynomial that the circuit fixes, and whose commitment is part of the verification key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The selector of the product of both inputs.
    Qm,
    /// The selector of the left input.
    Ql,
    /// The selector of the right input.
    Qr,
    /// The selector of the output.
    Qo,
    /// The selector of the constant.
    Qc,
    /// The permutation of the left inputs.
    S1,
    /// The permutation of the right inputs.
    S2,
    /// The permutation of the outputs.
    S3,
}

impl Column {
    /// The number of columns.
    pub const COUNT: usize = 8;
    /// The columns that say what each gate computes.
    pub const SELECTORS: [Column; 5] = [Column::Qm, Column::Ql, Column::Qr, Column::Qo, Column::Qc];
    /// The columns that say which uses of a signal belong together, one for each wire.
    pub const SIGMAS: [Column; Wire::COUNT] = [Column::S1, Column::S2, Column::S3];
    /// Every column, in order.
    pub const ALL: [Column; Column::COUNT] =
        [Column::Qm, Column::Ql, Column::Qr, Column::Qo, Column::Qc, Column::S1, Column::S2, Column::S3];

    /// The place of this column in an array of all eight; that of a selector is its place among the selectors.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of this column in the paper and in snarkjs' JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Column::Qm => "Qm",
            Column::Ql => "Ql",
            Column::Qr => "Qr",
            Column::Qo => "Qo",
            Column::Qc => "Qc",
            Column::S1 => "S1",
            Column::S2 => "S2",
            Column::S3 => "S3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_at_its_own_place() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
        }
        for (index, wire) in Wire::ALL.into_iter().enumerate() {
            assert_eq!(wire.index(), index);
        }
        assert_eq!([&Column::SELECTORS[..], &Column::SIGMAS].concat(), Column::ALL);
    }
}
