// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {IRETH} from "../interfaces/tokens/IRETH.sol";
import {IWstETH} from "../interfaces/tokens/IWstETH.sol";

/// @title The tokens that can be staked, fixed for ever, and their worth in ETH
/// @dev A worth comes from a token's own protocol, never from a market.
abstract contract Assets is IStaking {
    using Math for uint256;

    uint256 public constant MAX_ASSETS = 4;
    uint256 internal constant WAD = 1e18;

    uint256 internal immutable ASSET_COUNT;
    mapping(uint256 asset => Asset entry) internal _assets;

    modifier known(uint256 asset) {
        if (asset >= ASSET_COUNT) revert UnknownAsset(asset);
        _;
    }

    constructor(Asset[] memory assets) {
        if (assets.length > MAX_ASSETS) revert TooManyAssets(assets.length, MAX_ASSETS);
        for (uint256 i = 0; i < assets.length; ++i) {
            _requireAsset(assets, i);
            _assets[i] = assets[i];
        }
        ASSET_COUNT = assets.length;
    }

    /// @inheritdoc IStaking
    function assetCount() external view returns (uint256) {
        return ASSET_COUNT;
    }

    /// @inheritdoc IStaking
    function assetAt(uint256 asset) external view known(asset) returns (Asset memory) {
        return _assets[asset];
    }

    /// @inheritdoc IStaking
    function ethValue(uint256 asset, uint256 tokens) external view known(asset) returns (uint256) {
        return _ethValue(asset, tokens);
    }

    function _ethValue(uint256 asset, uint256 tokens) internal view returns (uint256) {
        return tokens.mulDiv(_ethPerToken(_assets[asset]), WAD);
    }

    function _requireAsset(Asset[] memory assets, uint256 i) private view {
        Asset memory asset = assets[i];
        address token = address(asset.token);
        if (token == address(0)) revert ZeroAddress();
        if (asset.kind == Rate.Other && address(asset.rate) == address(0)) revert ZeroAddress();
        bool delegates = address(asset.strategy) != address(0);
        if (delegates && address(asset.strategy.underlyingToken()) != token) revert WrongStrategy(i);
        for (uint256 j = 0; j < i; ++j) {
            if (address(assets[j].token) == token) revert AssetTwice(token);
        }
    }

    function _ethPerToken(Asset storage entry) private view returns (uint256) {
        Rate kind = entry.kind;
        if (kind == Rate.StETH) return WAD; // a claim to as much ETH
        if (kind == Rate.WstETH) return IWstETH(address(entry.token)).stEthPerToken();
        if (kind == Rate.RETH) return IRETH(address(entry.token)).getExchangeRate();
        return entry.rate.ethPerToken();
    }
}
