// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICertificateResolver} from "../interfaces/ICertificateResolver.sol";
import {IHLR} from "../interfaces/IHLR.sol";
import {IEAS} from "../interfaces/eas/IEAS.sol";
import {ISchemaResolver} from "../interfaces/eas/ISchemaResolver.sol";

/// @title Attestations to certificates, checked against HLRContract's state
/// @dev What is attested is not read but made again, and compared.
contract CertificateResolver is ICertificateResolver {
    /// @inheritdoc ICertificateResolver
    string public constant SCHEMA =
        "uint256 task,address hlr,bytes32 specHash,uint64 certificate,uint24 nodes,bytes32 weights,uint32 gradientBound";

    /// @inheritdoc ICertificateResolver
    bytes32 public immutable SCHEMA_UID;

    /// @inheritdoc ICertificateResolver
    IEAS public immutable EAS;

    /// @inheritdoc ICertificateResolver
    IHLR public immutable HLR;

    /// @inheritdoc ICertificateResolver
    mapping(uint256 taskId => bytes32 uid) public attestationOf;

    constructor(IEAS eas, IHLR hlr) {
        EAS = eas;
        HLR = hlr;
        SCHEMA_UID = keccak256(abi.encodePacked(SCHEMA, address(this), false));
    }

    /// @inheritdoc ISchemaResolver
    function attest(IEAS.Attestation calldata attestation) external returns (bool) {
        _requireEAS();
        _accept(attestation);
        return true;
    }

    /// @inheritdoc ISchemaResolver
    function multiAttest(IEAS.Attestation[] calldata attestations, uint256[] calldata) external returns (bool) {
        _requireEAS();
        for (uint256 i = 0; i < attestations.length; ++i) {
            _accept(attestations[i]);
        }
        return true;
    }

    /// @inheritdoc ISchemaResolver
    function revoke(IEAS.Attestation calldata) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc ISchemaResolver
    function multiRevoke(IEAS.Attestation[] calldata, uint256[] calldata) external pure returns (bool) {
        return false;
    }

    /// @inheritdoc ISchemaResolver
    function isPayable() external pure returns (bool) {
        return false;
    }

    /// @inheritdoc ICertificateResolver
    function statementOf(uint256 taskId) public view returns (bytes memory) {
        IHLR.Training memory training = HLR.trainingOf(taskId);
        if (training.certifiedKey == 0) revert NotCertified(taskId);
        return
            abi.encode(
                taskId,
                HLR,
                HLR.taskOf(taskId).specHash,
                training.certifiedKey,
                training.certifiedNodes,
                keccak256(abi.encode(HLR.weightsOf(taskId))),
                training.gradientBound
            );
    }

    /// @dev Whoever registers other words, or revocable ones, with this contract as their resolver has another schema.
    function _accept(IEAS.Attestation calldata attestation) private {
        if (attestation.schema != SCHEMA_UID) revert WrongAttestation("schema");
        if (attestation.recipient != address(HLR)) revert WrongAttestation("recipient");
        if (attestation.expirationTime != 0) revert WrongAttestation("expirationTime");
        if (attestation.refUID != 0) revert WrongAttestation("refUID");
        uint256 taskId = uint256(bytes32(attestation.data)); // filled up with zeros where there are fewer bytes
        if (keccak256(attestation.data) != keccak256(statementOf(taskId))) revert WrongAttestation("data");

        if (attestationOf[taskId] == 0) attestationOf[taskId] = attestation.uid;
        emit CertificateAttested(taskId, attestation.uid, attestation.attester);
    }

    function _requireEAS() private view {
        if (msg.sender != address(EAS)) revert OnlyEAS(msg.sender);
    }
}
