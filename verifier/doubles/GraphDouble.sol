// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Graph} from "../rounds/Graph.sol";
import {Seats} from "../rounds/Seats.sol";

/// @title Who has masks with whom, and the tree of a set, for tests to call
/// @dev Never for a public chain.
contract GraphDouble {
    Seats.Tree private _tree;
    uint256 private _count;

    function reach(uint256 nodes) external pure returns (uint256) {
        return Graph.reach(nodes);
    }

    function position(bytes32 digest, uint256 seat) external pure returns (uint256) {
        return Graph.position(digest, seat);
    }

    function areNeighbours(bytes32 digest, uint256 nodes, uint256 one, uint256 other) external pure returns (bool) {
        return Graph.near(Graph.position(digest, one), Graph.position(digest, other), Graph.reach(nodes));
    }

    /// @dev Counted as a dispute does it, with the gas that it takes.
    function countNeighbours(bytes32 digest, uint256 seats, uint256 mine) external view returns (uint256, uint256) {
        uint256 gas = gasleft();
        uint256 count = 0;
        uint256 position = Graph.position(digest, mine);
        uint256 most = Graph.reach(seats);
        for (uint256 seat = 0; seat < seats; ++seat) {
            if (Graph.near(position, Graph.position(digest, seat), most) && seat != mine) ++count;
        }
        return (count, gas - gasleft());
    }

    function add(bytes32[] calldata leaves) external {
        for (uint256 i = 0; i < leaves.length; ++i) Seats.add(_tree, _count++, leaves[i]);
    }

    function root() external view returns (bytes32) {
        return Seats.root(_tree, _count);
    }

    function proof(uint256 first, uint256 size, uint256[] calldata seats) external view returns (bytes32[] memory) {
        return abi.decode(Seats.proof(_tree, abi.encode(uint256(0), first, size, seats)), (bytes32[]));
    }
}
