// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title The tree over what the nodes of a set said when they were ready, in the order of their seats
/// @notice Anybody can ask for what proves some of its leaves; the root is in the set's digest. The twin of
/// twopm_zk/sharing/tree.py.
/// @dev The shape is that of RFC 6962, section 2.1. What is asked for off the chain is a function of this library at an
/// address of its own: the contract would be too large with it.
library Seats {
    /// @dev The leaves, and the roots of the whole trees over pairs of them, the largest one first: these are a stack that the
    /// next attempt writes over, so that little storage is new. A leaf without its pair is not in it.
    struct Tree {
        mapping(uint256 seat => bytes32 leaf) leaves;
        mapping(uint256 place => bytes32 root) peaks;
    }

    /// @dev A leaf more, for the next seat.
    function add(Tree storage tree, uint256 seat, bytes32 leaf) internal {
        tree.leaves[seat] = leaf;
        if (seat % 2 == 0) return;
        leaf = _parent(tree.leaves[seat - 1], leaf);
        uint256 pairs = seat / 2;
        uint256 top = _ones(pairs);
        for (; pairs % 2 == 1; pairs /= 2) leaf = _parent(tree.peaks[--top], leaf);
        tree.peaks[top] = leaf;
    }

    /// @dev Of the first `count` leaves, of which there is one at least.
    function root(Tree storage tree, uint256 count) internal view returns (bytes32 found) {
        uint256 top = _ones(count / 2);
        found = count % 2 == 0 ? tree.peaks[--top] : tree.leaves[count - 1];
        while (top != 0) found = _parent(tree.peaks[--top], found);
    }

    /// @dev See {ISharing-proofOf}.
    /// @param arguments Of that, encoded.
    /// @return What that returns, encoded.
    function proof(Tree storage tree, bytes calldata arguments) external view returns (bytes memory) {
        (, uint256 first, uint256 size, uint256[] memory seats) = abi.decode(
            arguments,
            (uint256, uint256, uint256, uint256[])
        );
        bytes32[] memory found = new bytes32[](size);
        uint256 count = _prove(tree.leaves, first, size, seats, 0, seats.length, found, 0);
        bytes32[] memory proven = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) proven[i] = found[i];
        return abi.encode(proven);
    }

    function _prove(
        mapping(uint256 seat => bytes32 leaf) storage leaves,
        uint256 first,
        uint256 size,
        uint256[] memory seats,
        uint256 from,
        uint256 to,
        bytes32[] memory found,
        uint256 count
    ) private view returns (uint256) {
        while (from < to && seats[from] < first) ++from;
        while (from < to && seats[to - 1] >= first + size) --to;
        if (from == to) {
            found[count] = _rootOf(leaves, first, size);
            return count + 1;
        }
        if (size < 2) return count;
        uint256 half = _half(size);
        count = _prove(leaves, first, half, seats, from, to, found, count);
        return _prove(leaves, first + half, size - half, seats, from, to, found, count);
    }

    function _rootOf(
        mapping(uint256 seat => bytes32 leaf) storage leaves,
        uint256 first,
        uint256 size
    ) private view returns (bytes32) {
        if (size < 2) return leaves[first];
        uint256 half = _half(size);
        return _parent(_rootOf(leaves, first, half), _rootOf(leaves, first + half, size - half));
    }

    /// @dev The largest power of two below a number of leaves.
    function _half(uint256 size) private pure returns (uint256 half) {
        half = 1;
        while (2 * half < size) half *= 2;
    }

    function _parent(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return Hashes.efficientKeccak256(left, right);
    }

    function _ones(uint256 count) private pure returns (uint256 ones) {
        for (; count != 0; count &= count - 1) ++ones;
    }
}
