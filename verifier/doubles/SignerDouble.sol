// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {WalletDouble} from "./WalletDouble.sol";

/// @title A wallet as a contract that signs by the key of an owner, whom it can replace
/// @dev For tests: it obeys everybody, and makes a call of its own when it is asked about a signature.
contract SignerDouble is WalletDouble {
    address public owner;
    address public victim;
    bytes public attack;

    constructor(address owner_) {
        owner = owner_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    function arm(address victim_, bytes calldata attack_) external {
        victim = victim_;
        attack = attack_;
    }

    /// @notice As of {IERC1271}, but that it is no view: who asks may not let it change anything.
    /// @return Nothing of worth where its own call went through.
    function isValidSignature(bytes32 hash, bytes calldata signature) external returns (bytes4) {
        if (victim != address(0)) {
            (bool success, ) = victim.call(attack);
            if (success) return bytes4(0);
        }
        (address signer, ECDSA.RecoverError error, ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool signed = error == ECDSA.RecoverError.NoError && signer == owner;
        return signed ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
