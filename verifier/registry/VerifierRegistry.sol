// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Registry of generated verifiers
/// @dev A code hash shows an auditor that an entry is the contract of a published key. It does not show what a proxy
/// would call, so an entry that is a proxy is to be refused by whoever checks the hash.
contract VerifierRegistry is IVerifierRegistry, Ownable2Step {
    /// @inheritdoc IVerifierRegistry
    uint256 public count;
    mapping(uint256 id => Entry entry) private _entries;

    constructor(address owner) Ownable(owner) {}

    /// @inheritdoc IVerifierRegistry
    function add(
        Statement statement,
        Family family,
        uint32 size,
        uint16 features,
        uint8 fractionalBits,
        uint8 noise,
        bool insecure,
        address verifier
    ) external onlyOwner returns (uint256 id) {
        if (statement == Statement.None) revert NoStatement();
        if (verifier.code.length == 0) revert NoCode(verifier);
        id = ++count;
        bytes32 codeHash = verifier.codehash;
        _entries[id] = Entry({
            verifier: verifier,
            statement: statement,
            family: family,
            size: size,
            features: features,
            fractionalBits: fractionalBits,
            noise: noise,
            insecure: insecure,
            retired: false,
            codeHash: codeHash
        });
        emit VerifierAdded(id, statement, family, verifier, size, features, fractionalBits, noise, insecure, codeHash);
    }

    /// @inheritdoc IVerifierRegistry
    function retire(uint256 id) external onlyOwner {
        if (_entries[id].statement == Statement.None) revert UnknownVerifier(id);
        _entries[id].retired = true;
        emit VerifierRetired(id);
    }

    /// @inheritdoc IVerifierRegistry
    function usable(uint256 id) external view returns (Entry memory entry) {
        entry = _entries[id];
        if (entry.statement == Statement.None) revert UnknownVerifier(id);
        if (entry.retired) revert RetiredVerifier(id);
    }

    /// @inheritdoc IVerifierRegistry
    function entryOf(uint256 id) external view returns (Entry memory) {
        return _entries[id];
    }
}
