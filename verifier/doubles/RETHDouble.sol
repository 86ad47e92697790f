// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IRETH} from "../interfaces/tokens/IRETH.sol";

/// @title Test double of Rocket Pool's rETH: a token whose price in ETH rises, with a fee on deposits
/// @dev Never for a public chain.
contract RETHDouble is ERC20, IRETH {
    uint256 public constant DEPOSIT_FEE = 5; // in 1/10,000

    /// @inheritdoc IRETH
    uint256 public getExchangeRate = 1.1 ether;

    constructor() ERC20("Rocket Pool ETH (double)", "rETH") {}

    function deposit() external payable {
        uint256 net = msg.value - (msg.value * DEPOSIT_FEE) / 10_000;
        _mint(msg.sender, (net * 1 ether) / getExchangeRate);
    }

    function setExchangeRate(uint256 rate) external {
        getExchangeRate = rate;
    }
}
