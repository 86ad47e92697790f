// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ETH as an ERC-20
interface IWETH {
    function deposit() external payable;
}
