// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEAS} from "./IEAS.sol";

/// @title What the Ethereum Attestation Service calls of a schema's resolver
/// @dev EAS declares these functions payable; without that no ether is taken, as `isPayable` says.
interface ISchemaResolver {
    function isPayable() external pure returns (bool);

    function attest(IEAS.Attestation calldata attestation) external returns (bool);

    function multiAttest(IEAS.Attestation[] calldata attestations, uint256[] calldata values) external returns (bool);

    function revoke(IEAS.Attestation calldata attestation) external returns (bool);

    function multiRevoke(IEAS.Attestation[] calldata attestations, uint256[] calldata values) external returns (bool);
}
