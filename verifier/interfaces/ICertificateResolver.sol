// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHLR} from "./IHLR.sol";
import {IEAS} from "./eas/IEAS.sol";
import {ISchemaResolver} from "./eas/ISchemaResolver.sol";

/// @title Certificates of HLRContract as attestations of the Ethereum Attestation Service (EAS)
/// @notice An attestation under the schema of this contract says of a task what HLRContract says of it, or is refused: who
/// makes it has no say in it. Anyone may. It never ends and cannot be revoked, since what it says does not change.
interface ICertificateResolver is ISchemaResolver {
    event CertificateAttested(uint256 indexed taskId, bytes32 indexed uid, address indexed attester);

    error OnlyEAS(address account);
    error NotCertified(uint256 taskId);
    error WrongAttestation(string field);

    /// @notice The schema's text, of which the fields are:
    /// task, hlr: the number of a task, and HLRContract;
    /// specHash: of the task's specification;
    /// certificate: key of the certified attempt, round * 2^32 + attempt + 1;
    /// nodes: how many nodes' updates are in the certified sum;
    /// weights: keccak256(abi.encode(int32[])) of the certified weights, as `weightsOf` gives them;
    /// gradientBound: what is proven of the gradient at these weights.
    function SCHEMA() external view returns (string memory);

    /// @notice The schema's UID, with this contract as its resolver, and not revocable.
    function SCHEMA_UID() external view returns (bytes32);

    function EAS() external view returns (IEAS);

    function HLR() external view returns (IHLR);

    /// @notice The data of an attestation to a task's certificate, which is made for HLRContract as its recipient. Reverts for
    /// a task without a certificate.
    function statementOf(uint256 taskId) external view returns (bytes memory);

    /// @notice The first attestation to a task's certificate, 0 for none: all say the same.
    function attestationOf(uint256 taskId) external view returns (bytes32 uid);
}
