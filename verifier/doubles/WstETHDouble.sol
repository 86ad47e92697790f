// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IWstETH} from "../interfaces/tokens/IWstETH.sol";
import {StETHDouble} from "./StETHDouble.sol";

/// @title Test double of Lido's wstETH: stETH shares that do not rebase
/// @dev Never for a public chain.
contract WstETHDouble is ERC20, IWstETH {
    StETHDouble public immutable stETH;

    constructor(StETHDouble stETH_) ERC20("Wrapped liquid staked Ether (double)", "wstETH") {
        stETH = stETH_;
    }

    function wrap(uint256 amount) external returns (uint256 shares) {
        shares = stETH.getSharesByPooledEth(amount);
        _mint(msg.sender, shares);
        stETH.transferFrom(msg.sender, address(this), amount);
    }

    function unwrap(uint256 shares) external returns (uint256 amount) {
        amount = stETH.getPooledEthByShares(shares);
        _burn(msg.sender, shares);
        stETH.transfer(msg.sender, amount);
    }

    /// @inheritdoc IWstETH
    function stEthPerToken() external view returns (uint256) {
        return stETH.getPooledEthByShares(1 ether);
    }
}
