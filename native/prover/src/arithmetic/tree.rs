//! Sums of groups of points by pairing neighbours, round after round.

use crate::arithmetic::curve::{sum_pairs, Scratch};
use crate::arithmetic::point::Point;

/// Consecutive groups of points in one buffer, each to be summed.
#[derive(Default)]
pub struct Groups {
    points: Vec<Point>,
    /// First point and number of points of each group.
    spans: Vec<(u32, u32)>,
    pairs: Vec<(u32, u32)>,
    scratch: Scratch,
}

impl Groups {
    /// Adds a group; points at infinity are left out.
    pub fn push(&mut self, points: impl Iterator<Item = Point>) {
        let start = self.points.len();
        self.points.extend(points.filter(|point| !point.is_identity()));
        self.spans.push((start as u32, (self.points.len() - start) as u32));
    }

    /// Adds consecutive groups of the given lengths, whose points `fill` appends all at once.
    pub fn push_many(&mut self, lengths: impl Iterator<Item = usize>, fill: impl FnOnce(&mut Vec<Point>)) {
        let mut start = self.points.len();
        fill(&mut self.points);
        for length in lengths {
            self.spans.push((start as u32, length as u32));
            start += length;
        }
        assert_eq!(start, self.points.len());
    }

    /// Sum of each group, in order of [`Groups::push`].
    pub fn sums(&mut self) -> impl Iterator<Item = Point> + '_ {
        while self.halve() {}
        self.spans.iter().map(|&(start, length)| match length {
            0 => Point::IDENTITY,
            _ => self.points[start as usize],
        })
    }

    /// One round: pairs of neighbours become their sums. False where every group is down to one point.
    fn halve(&mut self) -> bool {
        self.pairs.clear();
        for &(start, length) in &self.spans {
            self.pairs.extend((0..length / 2).map(|i| (start + 2 * i, start + i)));
        }
        if self.pairs.is_empty() {
            return false;
        }
        sum_pairs(&mut self.points, &self.pairs, &mut self.scratch);
        for (start, length) in &mut self.spans {
            if *length % 2 == 1 {
                self.points[(*start + *length / 2) as usize] = self.points[(*start + *length - 1) as usize];
            }
            *length = length.div_ceil(2);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::point::tests::multiples;
    use halo2curves::bn256::G1;
    use halo2curves::group::Group;

    #[test]
    fn groups_of_every_length_are_summed() {
        let points = multiples(40);
        let lengths = [0, 1, 2, 3, 7, 8, 19];
        let mut groups = Groups::default();
        let mut expected: Vec<Point> = Vec::new();
        let mut rest = points.as_slice();
        for length in lengths {
            let (group, after) = rest.split_at(length);
            rest = after;
            groups.push(group.iter().copied());
            expected.push(group.iter().fold(G1::identity(), |sum, &p| sum + G1::from(p)).into());
        }
        assert_eq!(groups.sums().collect::<Vec<_>>(), expected);
    }
}
