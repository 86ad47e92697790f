// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The schemas of attestations in the Ethereum Attestation Service
interface ISchemaRegistry {
    struct SchemaRecord {
        /// @dev keccak256(abi.encodePacked(schema, resolver, revocable)).
        bytes32 uid;
        address resolver;
        bool revocable;
        string schema;
    }

    error AlreadyExists();

    function register(string calldata schema, address resolver, bool revocable) external returns (bytes32 uid);

    /// @notice A schema; all zeros where there is none.
    function getSchema(bytes32 uid) external view returns (SchemaRecord memory);
}
