// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PoseidonT3} from "poseidon-solidity/PoseidonT3.sol";
import {PoseidonT4} from "poseidon-solidity/PoseidonT4.sol";

/// @title Commitments that the chain recomputes
/// @notice `PublicHash` of docs/protocol.md: circomlib's Poseidon over (state, item, item), from a domain that names the
/// kind, the number of items and their shape. Twin of circuits/lib/commitment.circom and twopm_zk/numbers/commitments.py.
library PublicHash {
    uint256 private constant TAG_MODEL = 1;
    uint256 private constant TAG_CONTEXT = 2;
    uint256 private constant TAG_POINT = 10;
    /// @dev Weights of 32 bits in a field element.
    uint256 private constant WEIGHTS_PER_ELEMENT = 7;

    /// @param policy Round and attempt, lambda, weight bound and minimum of rows, packed into one element.
    function context(uint256 taskKey, uint256 policy, uint256 matrixHash) internal pure returns (uint256 hash) {
        hash = PoseidonT4.hash([_domain(TAG_CONTEXT, 3, 0), taskKey, policy]);
        return PoseidonT3.hash([hash, matrixHash]);
    }

    /// @param packed As {pack} has it, of `count` weights.
    function model(uint256 context_, uint256[] memory packed, uint256 count) internal pure returns (uint256 hash) {
        hash = PoseidonT4.hash([_domain(TAG_MODEL, packed.length + 1, count), context_, packed[0]]);
        uint256 i = 1;
        for (; i + 1 < packed.length; i += 2) {
            hash = PoseidonT4.hash([hash, packed[i], packed[i + 1]]);
        }
        if (i < packed.length) hash = PoseidonT3.hash([hash, packed[i]]);
    }

    /// @notice The sum of a round's updates, by its point.
    function roundPoint(uint256 x, uint256 y) internal pure returns (uint256) {
        return PoseidonT4.hash([_domain(TAG_POINT, 2, 0), x, y]);
    }

    /// @notice Weights to field elements: biased by 2^31, seven to an element, the first one lowest.
    function pack(int32[] calldata weights) internal pure returns (uint256[] memory packed) {
        uint256 count = weights.length;
        packed = new uint256[]((count + WEIGHTS_PER_ELEMENT - 1) / WEIGHTS_PER_ELEMENT);
        for (uint256 i = 0; i < count; ++i) {
            uint256 biased = uint256(int256(weights[i]) + 2 ** 31);
            packed[i / WEIGHTS_PER_ELEMENT] |= biased << (32 * (i % WEIGHTS_PER_ELEMENT));
        }
    }

    function unpack(uint256[] memory packed, uint256 count) internal pure returns (int32[] memory weights) {
        weights = new int32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 biased = (packed[i / WEIGHTS_PER_ELEMENT] >> (32 * (i % WEIGHTS_PER_ELEMENT))) & type(uint32).max;
            weights[i] = int32(int256(biased) - 2 ** 31);
        }
    }

    function _domain(uint256 tag, uint256 length, uint256 shape) private pure returns (uint256) {
        return tag + (length << 8) + (shape << 32);
    }
}
