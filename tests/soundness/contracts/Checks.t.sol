// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DataHub} from "../verifier/registry/DataHub.sol";
import {IDataHub} from "../verifier/interfaces/IDataHub.sol";
import {IPlonkVerifier3} from "../verifier/interfaces/IPlonkVerifier3.sol";
import {IEAS} from "../verifier/interfaces/eas/IEAS.sol";
import {BabyJubjub, Point} from "../verifier/proofs/BabyJubjub.sol";
import {FIELD_ORDER, ProofCheck} from "../verifier/proofs/ProofCheck.sol";
import {Graph} from "../verifier/rounds/Graph.sol";
import {Phases} from "../verifier/rounds/Phases.sol";
import {PublicHash} from "../verifier/rounds/PublicHash.sol";

/// @dev Says what it was told to, and only of the very inputs that it was told about.
contract Oracle is IPlonkVerifier3 {
    bytes32 private _inputs;
    bool private _answer;

    function tell(uint256[3] calldata inputs, bool says) external {
        (_inputs, _answer) = (keccak256(abi.encode(inputs)), says);
    }

    function verifyProof(uint256[24] calldata, uint256[3] calldata inputs) external view returns (bool) {
        return _answer && keccak256(abi.encode(inputs)) == _inputs;
    }
}

/// @dev Internal functions as calls, so that a revert can be looked at.
contract Calls {
    function fieldElement(uint256 value) external pure {
        ProofCheck.requireFieldElement(value);
    }

    function proof(IPlonkVerifier3 verifier, uint256[24] calldata given, uint256[3] calldata inputs) external view {
        ProofCheck.requireProof(verifier, given, inputs);
    }

    function onCurve(uint256 x, uint256 y) external pure returns (bool) {
        return BabyJubjub.isOnCurve(Point(x, y));
    }

    function proven(uint256 x, uint256 y) external pure {
        BabyJubjub.proven(x, y);
    }

    function key(uint256 x, uint256 y) external pure {
        BabyJubjub.requireKey(Point(x, y));
    }

    function packed(int32[] calldata weights) external pure returns (int32[] memory) {
        return PublicHash.unpack(PublicHash.pack(weights), weights.length);
    }

    function keyOf(uint32 round, uint32 attempt) external pure returns (uint64) {
        return Phases.keyOf(round, attempt);
    }
}

/// @title What has to hold of every input, for halmos
/// @notice Each function is a statement about all arguments; an assertion that can fail is a counterexample.
contract Checks {
    Calls private _calls;
    Oracle private _oracle;
    DataHub private _hub;

    function setUp() public {
        _calls = new Calls();
        _oracle = new Oracle();
        _hub = new DataHub(IEAS(address(0)));
    }

    /// @dev Field: every number below FIELD_ORDER is taken, and no other.
    function check_field_elements_are_below_the_order(uint256 value) public view {
        try _calls.fieldElement(value) {
            assert(value < FIELD_ORDER);
        } catch {
            assert(value >= FIELD_ORDER);
        }
    }

    /// @dev Acceptance: a proof counts exactly where the verifier says yes to these inputs and all are field elements.
    function check_proofs_are_taken_only_from_the_verifier_and_for_field_elements(
        uint256[24] calldata given,
        uint256[3] calldata inputs,
        uint256[3] calldata told,
        bool says
    ) public {
        _oracle.tell(told, says);
        bool same = inputs[0] == told[0] && inputs[1] == told[1] && inputs[2] == told[2];
        bool inField = inputs[0] < FIELD_ORDER && inputs[1] < FIELD_ORDER && inputs[2] < FIELD_ORDER;
        try _calls.proof(_oracle, given, inputs) {
            assert(says && same && inField);
        } catch {
            assert(!says || !same || !inField);
        }
    }

    /// @dev Curve: no point in coordinates that are not reduced, whatever its equation says.
    function check_points_are_in_reduced_coordinates(uint256 x, uint256 y) public view {
        if (x < FIELD_ORDER && y < FIELD_ORDER) return;
        assert(!_calls.onCurve(x, y));
    }

    /// @dev Of x and -x the statement proves one: the other one is refused.
    function check_one_of_two_points_with_the_same_y_is_proven(uint256 x, uint256 y) public view {
        if (x == 0 || x >= FIELD_ORDER) return;
        bool first = _takes(x, y);
        bool second = _takes(FIELD_ORDER - x, y);
        assert(!first || !second);
    }

    function _takes(uint256 x, uint256 y) private view returns (bool) {
        try _calls.proven(x, y) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev The points of order 1, 2 and 4 on the axes are no keys.
    function check_points_on_the_axes_are_no_keys(uint256 x, bool horizontal) public view {
        try _calls.key(horizontal ? x : 0, horizontal ? 0 : x) {
            assert(false);
        } catch {} // solhint-disable-line no-empty-blocks
    }

    function check_negation_is_reduced_and_its_own_inverse(uint256 x, uint256 y) public pure {
        if (x >= FIELD_ORDER) return;
        Point memory negated = BabyJubjub.negate(Point(x, y));
        assert(negated.x < FIELD_ORDER && negated.y == y);
        assert(addmod(x, negated.x, FIELD_ORDER) == 0);
        assert(BabyJubjub.negate(negated).x == x);
    }

    /// @dev An owner's commitment is a field element other than 0, and has one place for ever.
    function check_commitments_are_field_elements_with_one_place(
        uint256 commitment,
        uint256 other,
        uint256 index,
        uint256 second
    ) public {
        address[] memory nobody = new address[](0);
        bytes32 dataset = _hub.open(IDataHub.Terms(bytes32(uint256(1)), false, 0, nobody));
        bool taken = _registers(dataset, index, commitment);
        assert(taken == (commitment != 0 && commitment < FIELD_ORDER));
        if (!taken) return;
        assert(!_registers(dataset, second, commitment));
        assert(!_registers(dataset, index, other));
        assert(_hub.commitmentOf(address(this), dataset, index) == commitment);
    }

    function _registers(bytes32 dataset, uint256 index, uint256 commitment) private returns (bool) {
        uint256[] memory commitments = new uint256[](1);
        commitments[0] = commitment;
        try _hub.register(dataset, index, commitments) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev Weights come out as they went in, seven to a field element.
    function check_weights_are_packed_without_loss(int32[8] calldata weights) public view {
        int32[] memory given = new int32[](8);
        for (uint256 i = 0; i < 8; ++i) given[i] = weights[i];
        int32[] memory found = _calls.packed(given);
        for (uint256 i = 0; i < 8; ++i) assert(found[i] == weights[i]);
    }

    /// @dev What weights are packed into is a field element.
    function check_packed_weights_are_field_elements(int32[7] calldata weights) public view {
        int32[] memory given = new int32[](7);
        for (uint256 i = 0; i < 7; ++i) given[i] = weights[i];
        assert(this.pack(given)[0] < 2 ** 224);
    }

    function pack(int32[] calldata weights) external pure returns (uint256[] memory) {
        return PublicHash.pack(weights);
    }

    /// @dev Attempts have keys of their own, and none has 0, which stands for nothing.
    function check_keys_of_attempts_differ(uint32 round, uint32 attempt, uint32 round2, uint32 attempt2) public view {
        try _calls.keyOf(round, attempt) returns (uint64 first) {
            assert(first != 0);
            try _calls.keyOf(round2, attempt2) returns (uint64 second) {
                assert((first == second) == (round == round2 && attempt == attempt2));
            } catch {} // solhint-disable-line no-empty-blocks
        } catch {
            assert(round == type(uint32).max && attempt == type(uint32).max);
        }
    }

    /// @dev Who has masks with whom is mutual.
    function check_neighbours_are_neighbours_of_each_other(uint256 one, uint256 other, uint256 most) public pure {
        assert(Graph.near(one, other, most) == Graph.near(other, one, most));
        assert(Graph.near(one, one, most));
        assert(Graph.near(one, other, Graph.WHOLE));
    }
}
