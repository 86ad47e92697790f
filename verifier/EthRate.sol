// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEthRate} from "./interfaces/IEthRate.sol";
import {IRETH} from "./interfaces/tokens/IRETH.sol";
import {IWstETH} from "./interfaces/tokens/IWstETH.sol";

/// @title Rates of stETH, wstETH and rETH from the tokens themselves
/// @dev On a chain where the bridged token does not answer these calls, another IEthRate takes this one's place.
contract EthRate is IEthRate {
    enum Kind {
        StETH,
        WstETH,
        RETH
    }

    address public immutable TOKEN;
    Kind public immutable KIND;

    constructor(address token, Kind kind) {
        TOKEN = token;
        KIND = kind;
    }

    /// @inheritdoc IEthRate
    function ethPerToken() external view returns (uint256) {
        if (KIND == Kind.WstETH) return IWstETH(TOKEN).stEthPerToken();
        if (KIND == Kind.RETH) return IRETH(TOKEN).getExchangeRate();
        return 1e18; // stETH is a claim to as much ETH
    }
}
