// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Test double of Lido's stETH: balances are shares of all pooled ether
/// @notice `rebase` moves everybody's balance up or down. Transfers are rounded down to whole shares, so that what
/// arrives is up to 2 wei less than what was asked for, as with the real token.
/// @dev Never for a public chain.
contract StETHDouble is IERC20 {
    string public constant name = "Liquid staked Ether (double)";
    string public constant symbol = "stETH";
    uint8 public constant decimals = 18;

    uint256 public totalSupply;
    uint256 public getTotalShares;
    mapping(address account => uint256 shares) public sharesOf;
    mapping(address owner => mapping(address spender => uint256 amount)) public allowance;

    event TransferShares(address indexed from, address indexed to, uint256 shares);

    /// @notice Mint stETH for ether.
    function submit(address) external payable returns (uint256 shares) {
        shares = getTotalShares == 0 ? msg.value : (msg.value * getTotalShares) / totalSupply;
        totalSupply += msg.value;
        getTotalShares += shares;
        sharesOf[msg.sender] += shares;
        emit Transfer(address(0), msg.sender, msg.value);
    }

    /// @notice Add rewards, or take penalties away.
    function rebase(int256 change) external {
        totalSupply = uint256(int256(totalSupply) + change);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _transfer(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            require(allowed >= amount, "ALLOWANCE_EXCEEDED");
            allowance[from][msg.sender] = allowed - amount;
        }
        _transfer(from, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function balanceOf(address account) external view returns (uint256) {
        return getPooledEthByShares(sharesOf[account]);
    }

    function getPooledEthByShares(uint256 shares) public view returns (uint256) {
        return getTotalShares == 0 ? 0 : (shares * totalSupply) / getTotalShares;
    }

    function getSharesByPooledEth(uint256 amount) public view returns (uint256) {
        return totalSupply == 0 ? 0 : (amount * getTotalShares) / totalSupply;
    }

    function _transfer(address from, address to, uint256 amount) private {
        uint256 shares = getSharesByPooledEth(amount);
        require(sharesOf[from] >= shares, "BALANCE_EXCEEDED");
        sharesOf[from] -= shares;
        sharesOf[to] += shares;
        emit Transfer(from, to, amount);
        emit TransferShares(from, to, shares);
    }
}
