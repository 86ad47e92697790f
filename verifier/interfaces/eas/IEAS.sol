// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What is used of the Ethereum Attestation Service (EAS), https://attest.org
/// @dev DataHub asks for attestations; who makes and revokes them calls the other functions.
interface IEAS {
    struct Attestation {
        bytes32 uid;
        bytes32 schema;
        /// @dev When it was made, when it ends by itself (0 for never), and when its attester revoked it (0 for not yet), in
        /// seconds since 1970.
        uint64 time;
        uint64 expirationTime;
        uint64 revocationTime;
        bytes32 refUID;
        address recipient;
        address attester;
        bool revocable;
        bytes data;
    }

    struct AttestationRequestData {
        address recipient;
        uint64 expirationTime;
        bool revocable;
        bytes32 refUID;
        bytes data;
        /// @dev Wei for the schema's resolver.
        uint256 value;
    }

    struct AttestationRequest {
        bytes32 schema;
        AttestationRequestData data;
    }

    struct RevocationRequestData {
        bytes32 uid;
        /// @dev Wei for the schema's resolver.
        uint256 value;
    }

    struct RevocationRequest {
        bytes32 schema;
        RevocationRequestData data;
    }

    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);
    event Revoked(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID);

    error AccessDenied();
    error AlreadyRevoked();
    error InvalidAttestation();
    error InvalidExpirationTime();
    error InvalidRevocation();
    error InvalidSchema();
    error Irrevocable();
    error NotFound();
    error NotPayable();

    function attest(AttestationRequest calldata request) external payable returns (bytes32 uid);

    function revoke(RevocationRequest calldata request) external payable;

    /// @notice An attestation; all zeros where there is none.
    function getAttestation(bytes32 uid) external view returns (Attestation memory);

    function getSchemaRegistry() external view returns (address);
}
