// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IHFL} from "../interfaces/IHFL.sol";
import {IHLR} from "../interfaces/IHLR.sol";
import {INetworkRegistry} from "../interfaces/INetworkRegistry.sol";
import {IRounds} from "../interfaces/IRounds.sol";

/// @title Registry of networks
/// @dev Whatever is divided by updates rests on two numbers that never change once a task of HLRContract is certified, or one of
/// HFLContract is finished: a node's credit, and the number of nodes that have one.
contract NetworkRegistry is INetworkRegistry {
    uint256 public constant MAX_URI = 2048;
    uint256 public constant PARTS = 10_000;
    uint256 private constant MIN_SECONDS = 1 minutes;
    /// @dev With the time to slash after it below what a stake can be locked for.
    uint256 private constant MAX_SECONDS = 7 days;

    IHLR public immutable HLR;
    IHFL public immutable HFL;
    address public immutable TOKEN;

    /// @inheritdoc INetworkRegistry
    uint256 public count;
    /// @inheritdoc INetworkRegistry
    mapping(uint256 id => mapping(address node => uint256 updates)) public updatesOf;
    mapping(uint256 id => Network network) private _networks;
    mapping(Model model => mapping(uint256 taskId => uint256 id)) private _ids;

    modifier onlyNetworkOwner(uint256 id) {
        if (msg.sender != _known(id).owner) revert NotTheNetworksOwner(id, msg.sender);
        _;
    }

    constructor(IHLR hlr, IHFL hfl, address token) {
        HLR = hlr;
        HFL = hfl;
        TOKEN = token;
    }

    /// @inheritdoc INetworkRegistry
    function register(
        Model model,
        uint256 taskId,
        bool token,
        uint16 ownersShare,
        bytes32 metadata,
        string calldata uri,
        Terms calldata terms
    ) external returns (uint256 id) {
        IRounds rounds = model == Model.HLR ? IRounds(HLR) : IRounds(HFL);
        if (msg.sender != rounds.taskOf(taskId).coordinator) revert NotTheTasksCoordinator(taskId, msg.sender);
        if (_ids[model][taskId] != 0) revert NetworkExists(_ids[model][taskId]);
        if (ownersShare > PARTS) revert InvalidTerms("ownersShare");
        if (token && TOKEN == address(0)) revert NoFeeToken();

        id = ++count;
        _ids[model][taskId] = id;
        Network storage network = _networks[id];
        network.owner = msg.sender;
        network.model = model;
        network.taskId = taskId;
        network.token = token;
        network.ownersShare = ownersShare;
        emit NetworkRegistered(id, model, taskId, msg.sender, token, ownersShare);
        _setTerms(id, network, terms);
        _setMetadata(id, network, metadata, uri);
    }

    /// @inheritdoc INetworkRegistry
    function setTerms(uint256 id, Terms calldata terms) external onlyNetworkOwner(id) {
        _setTerms(id, _networks[id], terms);
    }

    /// @inheritdoc INetworkRegistry
    function setMetadata(uint256 id, bytes32 metadata, string calldata uri) external onlyNetworkOwner(id) {
        _setMetadata(id, _networks[id], metadata, uri);
    }

    /// @inheritdoc INetworkRegistry
    function setClosed(uint256 id, bool closed) external onlyNetworkOwner(id) {
        _networks[id].closed = closed;
        if (closed) emit NetworkClosed(id);
        else emit NetworkReopened(id);
    }

    /// @inheritdoc INetworkRegistry
    function enrol(uint256 id, address[] calldata nodes) external {
        Network storage network = _known(id);
        uint256 taskId = network.taskId;
        bool proven = network.model == Model.HLR;
        uint256 all = proven ? _certified(taskId) : _accepted(taskId);

        uint24 enrolled = network.enrolled;
        uint24 updates = network.updates;
        for (uint256 i = 0; i < nodes.length; ++i) {
            address node = nodes[i];
            if (updatesOf[id][node] != 0) revert AlreadyEnrolled(node);
            uint256 credit = proven ? HLR.creditOf(taskId, node) : HFL.creditOf(taskId, node);
            if (credit == 0) revert NothingToEnrol(node);
            updatesOf[id][node] = credit;
            ++enrolled;
            updates += uint24(credit);
            emit Enrolled(id, node, credit);
        }
        network.enrolled = enrolled;
        network.updates = updates;
        // a fee cannot be divided among nobody, where all were out before the sum was certified
        if (enrolled != all || enrolled == 0 || network.complete) return;
        network.complete = true;
        emit NetworkCompleted(id, enrolled, updates);
    }

    /// @inheritdoc INetworkRegistry
    function networkOf(uint256 id) external view returns (Network memory) {
        return _known(id);
    }

    /// @inheritdoc INetworkRegistry
    function networkOfTask(Model model, uint256 taskId) external view returns (uint256 id) {
        return _ids[model][taskId];
    }

    function _setTerms(uint256 id, Network storage network, Terms calldata terms) private {
        _requireSeconds(terms.acceptSeconds, "acceptSeconds");
        _requireSeconds(terms.answerSeconds, "answerSeconds");
        if (terms.penalty > terms.operatorStake) revert InvalidTerms("penalty");
        network.terms = terms;
        emit TermsChanged(id, terms);
    }

    function _setMetadata(uint256 id, Network storage network, bytes32 metadata, string calldata uri) private {
        if (bytes(uri).length > MAX_URI) revert UriTooLong(bytes(uri).length, MAX_URI);
        network.metadata = metadata;
        emit MetadataChanged(id, metadata, uri);
    }

    /// @dev Nodes whose updates are in a task's certificate.
    function _certified(uint256 taskId) private view returns (uint256) {
        (uint64 key, uint24 nodes, ) = HLR.certificateOf(taskId);
        if (key == 0) revert NotCertified(taskId);
        return nodes;
    }

    /// @dev Nodes that took part in the last result of a task that is over.
    function _accepted(uint256 taskId) private view returns (uint256) {
        (uint64 key, uint24 nodes) = HFL.participantsOf(taskId);
        if (key == 0 || HFL.taskOf(taskId).phase != IRounds.Phase.Finished) revert NotFinished(taskId);
        return nodes;
    }

    function _known(uint256 id) private view returns (Network storage network) {
        network = _networks[id];
        if (network.owner == address(0)) revert UnknownNetwork(id);
    }

    function _requireSeconds(uint256 duration, string memory field) private pure {
        if (duration < MIN_SECONDS || duration > MAX_SECONDS) revert InvalidTerms(field);
    }
}
