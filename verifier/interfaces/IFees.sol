// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Fees: held until a request is over, then divided, and paid to whoever asks for its own
/// @notice In ETH and one ERC-20. At every moment what came in equals what is held for open requests, plus what is owed to
/// accounts, plus what data owners have not claimed, plus restaked fees, plus what was paid out; a rounding remainder is carried to the network's
/// next fee. ETH or tokens that are sent here without a question are nobody's.
interface IFees {
    event Owed(address indexed account, bool indexed token, uint256 amount);
    /// @notice The data owners' part of a fee.
    event OwnersPaid(uint256 indexed networkId, bool token, uint256 amount);
    event Claimed(uint256 indexed networkId, address indexed account, uint256 amount);
    /// @dev A fee for a request that was accepted on restaked stake.
    event OwedToRestakers(address indexed operator, bool indexed token, uint256 amount);
    event Collected(address indexed operator, bool indexed token, uint256 amount);
    event Withdrawn(address indexed account, bool indexed token, address receiver, uint256 amount);

    error WrongPayment(uint256 sent, uint256 expected);
    error WrongTransfer(uint256 received, uint256 expected);
    error NothingOwed(address account, bool token);
    error NothingToClaim(uint256 networkId, address account);
    error NobodyToPay();
    error NotTheServiceManager(address account);

    /// @notice Move what a data owner has earned in a network to what it is owed. Anyone may, for anybody.
    function claim(uint256 networkId, address account) external returns (uint256 amount);

    /// @notice Pay all that the sender is owed in the token, or in ETH, to `receiver`.
    function withdraw(bool token, address receiver) external returns (uint256 amount);

    /// @notice Pay all restaked fees of an operator to the ServiceManager, which alone may ask for them and hands them to EigenLayer.
    function collect(address operator, bool token) external returns (uint256 amount);

    /// @notice What an operator has earned by requests that were accepted on restaked stake, and is not collected.
    function restakedFees(address operator, bool token) external view returns (uint256);

    /// @notice The token that fees can be in, the zero address for none.
    function TOKEN() external view returns (IERC20); // solhint-disable-line func-name-mixedcase

    /// @notice What an account can withdraw.
    function owedTo(address account, bool token) external view returns (uint256);

    /// @notice What a data owner has earned in a network and not claimed.
    function claimable(uint256 networkId, address account) external view returns (uint256);
}
