// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// @title Descrow's reference escrow contract.
/// @notice Holds what a buyer paid in the chain's native token until delivery is confirmed or a dispute is resolved, and
/// keeps the record of payments that were made elsewhere (M-Pesa), for which it holds no money.
///
/// Identity: `orderId` is `uint256(orderRef)`, and `orderRef` is a hash of Descrow's own order id. Nobody has to wait for an
/// event to learn an id, and an order cannot be created twice.
///
/// Money: amounts are in the chain's smallest unit (planck). pallet-revive shows contracts its native balance multiplied by
/// a fixed ratio, `valuePerPlanck` here; only `msg.value` and payouts are in that larger unit.
///
/// Parties are 20-byte addresses. pallet-revive derives the address of a 32-byte account as the last 20 bytes of its
/// keccak-256, or its first 20 bytes where the account was itself derived from an Ethereum address (ends in twelve 0xEE).
///
/// Repeating: creating the same order again changes nothing and succeeds. Every other message is refused by the status that
/// its first success left behind, so a message that is delivered twice acts once.
///
/// Payouts are sent at once, after every change of state. A party whose own code refuses money makes the message fail; an
/// arbiter can then still resolve in favour of the other.
contract Escrow is AccessControl, ReentrancyGuard {
    using Address for address payable;

    /// @notice May act for the parties, create orders and record payments made elsewhere.
    bytes32 public constant ORACLE_ROLE = keccak256("ORACLE_ROLE");
    /// @notice May resolve disputes.
    bytes32 public constant ARBITER_ROLE = keccak256("ARBITER_ROLE");
    /// @notice The longest content identifier that is stored, in bytes.
    uint256 public constant MAX_CID_LENGTH = 128;
    /// @notice Basis points of the whole.
    uint16 public constant WHOLE_BPS = 10_000;

    /// @notice How much `msg.value` one planck is.
    uint256 public immutable valuePerPlanck;

    enum Status {
        None,
        Created,
        Funded,
        Shipped,
        Delivered,
        Completed,
        Disputed,
        Resolved,
        Cancelled
    }

    enum Outcome {
        RefundBuyer,
        ReleaseToSeller,
        Split
    }

    /// @param sellerBps The seller's share in basis points; read for `Split` only.
    struct Resolution {
        Outcome outcome;
        uint16 sellerBps;
    }

    /// @param txHash Hash of payment id and receipt: nothing of the payer can be read from it.
    struct OffchainPayment {
        uint256 orderId;
        bytes32 txHash;
    }

    /// @param amount In planck.
    /// @param held Whether this contract holds the amount.
    /// @param paymentHash The payment made elsewhere; zero where there is none.
    struct Order {
        address buyer;
        Status status;
        bool held;
        address seller;
        uint128 amount;
        bytes32 paymentHash;
        string metadataCid;
        string trackingCid;
        string evidenceCid;
    }

    event OrderCreated(
        uint256 indexed orderId, address indexed buyer, address indexed seller, uint128 amount, string metadataCid
    );
    /// @param paymentHash Zero where the amount was paid into this contract.
    event OrderFunded(uint256 indexed orderId, uint128 amount, bool held, bytes32 paymentHash);
    event OrderShipped(uint256 indexed orderId, string trackingCid);
    event OrderDelivered(uint256 indexed orderId);
    /// @param paid Planck that the seller was sent.
    event OrderCompleted(uint256 indexed orderId, uint128 paid);
    event DisputeRaised(uint256 indexed orderId, address indexed by, string evidenceCid);
    /// @param toBuyer The buyer's share of the amount in planck, with the rounding; sent only where the contract held it.
    /// @param toSeller The seller's share, likewise.
    event DisputeResolved(uint256 indexed orderId, Outcome outcome, uint128 toBuyer, uint128 toSeller);
    /// @param refunded Planck that the buyer was sent back.
    event OrderCancelled(uint256 indexed orderId, uint128 refunded);
    /// @notice An item of a batch was skipped.
    /// @param reason Selector of the error with which `recordOffchainPayment` refuses the same item.
    event PaymentRefused(uint256 indexed orderId, bytes32 txHash, bytes4 reason);

    error UnknownOrder(uint256 orderId);
    error OrderExists(uint256 orderId);
    error WrongStatus(uint256 orderId, Status status);
    error NotAllowed(address caller);
    error InvalidOrder();
    error InvalidPayment();
    error PaymentAlreadyRecorded(bytes32 txHash);
    error InvalidCid();
    error InvalidSplit(uint16 sellerBps);
    error WrongValue(uint256 expected, uint256 received);

    mapping(uint256 orderId => Order) private orders;
    mapping(bytes32 txHash => bool) private recorded;

    /// @param valuePerPlanck_ The chain's ratio of contract value to native balance (`Revive.NativeToEthRatio`).
    constructor(uint256 valuePerPlanck_) {
        if (valuePerPlanck_ == 0) revert WrongValue(1, 0);
        valuePerPlanck = valuePerPlanck_;
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        _grantRole(ORACLE_ROLE, msg.sender);
        _grantRole(ARBITER_ROLE, msg.sender);
    }

    /// @notice Opens an order. With the arguments of an existing order it changes nothing.
    /// @return orderId `uint256(orderRef)`.
    function createOrder(
        bytes32 orderRef,
        address buyer,
        address seller,
        uint128 amount,
        string calldata metadataCid
    ) external onlyRole(ORACLE_ROLE) returns (uint256 orderId) {
        orderId = uint256(orderRef);
        if (orderId == 0 || buyer == address(0) || seller == address(0) || buyer == seller || amount == 0) {
            revert InvalidOrder();
        }
        _checkCid(metadataCid);
        Order storage order = orders[orderId];
        if (order.status != Status.None) {
            bool same = order.buyer == buyer && order.seller == seller && order.amount == amount
                && keccak256(bytes(order.metadataCid)) == keccak256(bytes(metadataCid));
            if (!same) revert OrderExists(orderId);
            return orderId;
        }
        order.buyer = buyer;
        order.seller = seller;
        order.amount = amount;
        order.metadataCid = metadataCid;
        order.status = Status.Created;
        emit OrderCreated(orderId, buyer, seller, amount, metadataCid);
    }

    /// @notice Pays an order into the contract: exactly its amount.
    function fund(uint256 orderId) external payable {
        Order storage order = _at(orderId, Status.Created);
        _checkParty(order.buyer);
        uint256 expected = uint256(order.amount) * valuePerPlanck;
        if (msg.value != expected) revert WrongValue(expected, msg.value);
        order.status = Status.Funded;
        order.held = true;
        emit OrderFunded(orderId, order.amount, true, bytes32(0));
    }

    /// @notice Records a payment that was made elsewhere.
    function recordOffchainPayment(uint256 orderId, bytes32 txHash) external onlyRole(ORACLE_ROLE) {
        bytes4 reason = _recordPayment(orderId, txHash);
        if (reason == bytes4(0)) return;
        if (reason == UnknownOrder.selector) revert UnknownOrder(orderId);
        if (reason == InvalidPayment.selector) revert InvalidPayment();
        if (reason == PaymentAlreadyRecorded.selector) revert PaymentAlreadyRecorded(txHash);
        revert WrongStatus(orderId, orders[orderId].status);
    }

    /// @notice Records many payments. An item that is refused is skipped and reported by `PaymentRefused`; its neighbours
    /// are recorded.
    function recordOffchainPayments(OffchainPayment[] calldata payments) external onlyRole(ORACLE_ROLE) {
        for (uint256 i = 0; i < payments.length; ++i) {
            bytes4 reason = _recordPayment(payments[i].orderId, payments[i].txHash);
            if (reason != bytes4(0)) emit PaymentRefused(payments[i].orderId, payments[i].txHash, reason);
        }
    }

    /// @notice The seller has sent the goods.
    function markShipped(uint256 orderId, string calldata trackingCid) external {
        Order storage order = _at(orderId, Status.Funded);
        _checkParty(order.seller);
        _checkCid(trackingCid);
        order.status = Status.Shipped;
        order.trackingCid = trackingCid;
        emit OrderShipped(orderId, trackingCid);
    }

    /// @notice The buyer has the goods. Pays the seller where the contract holds the amount; an order that was paid
    /// elsewhere ends here as delivered, since its payout is not the contract's.
    function confirmDelivery(uint256 orderId) external nonReentrant {
        Order storage order = _at(orderId, Status.Shipped);
        _checkParty(order.buyer);
        emit OrderDelivered(orderId);
        if (!order.held) {
            order.status = Status.Delivered;
            return;
        }
        order.status = Status.Completed;
        order.held = false;
        emit OrderCompleted(orderId, order.amount);
        _pay(order.seller, order.amount);
    }

    /// @notice A party asks an arbiter to decide.
    function raiseDispute(uint256 orderId, string calldata evidenceCid) external {
        Order storage order = _known(orderId);
        Status status = order.status;
        if (status != Status.Funded && status != Status.Shipped && status != Status.Delivered) {
            revert WrongStatus(orderId, status);
        }
        if (msg.sender != order.seller) _checkParty(order.buyer);
        _checkCid(evidenceCid);
        order.status = Status.Disputed;
        order.evidenceCid = evidenceCid;
        emit DisputeRaised(orderId, msg.sender, evidenceCid);
    }

    /// @notice Decides a dispute, and pays what the contract holds. The shares sum to the amount; rounding is the buyer's.
    function resolveDispute(uint256 orderId, Resolution calldata resolution)
        external
        nonReentrant
        onlyRole(ARBITER_ROLE)
    {
        Order storage order = _at(orderId, Status.Disputed);
        uint128 toSeller = _sellerShare(order.amount, resolution);
        uint128 toBuyer = order.amount - toSeller;
        bool held = order.held;
        order.status = Status.Resolved;
        order.held = false;
        emit DisputeResolved(orderId, resolution.outcome, toBuyer, toSeller);
        if (held) {
            _pay(order.buyer, toBuyer);
            _pay(order.seller, toSeller);
        }
    }

    /// @notice Gives an order up: either party before it is paid; afterwards, with a refund, its seller. The oracle may at
    /// both times.
    function cancel(uint256 orderId) external nonReentrant {
        Order storage order = _known(orderId);
        Status status = order.status;
        if (status != Status.Created && status != Status.Funded) revert WrongStatus(orderId, status);
        if (status != Status.Created || msg.sender != order.buyer) _checkParty(order.seller);
        uint128 refund = order.held ? order.amount : 0;
        order.status = Status.Cancelled;
        order.held = false;
        emit OrderCancelled(orderId, refund);
        _pay(order.buyer, refund);
    }

    /// @notice An order as it stands; one that was never created has status `None` and is empty.
    function getOrder(uint256 orderId) external view returns (Order memory) {
        return orders[orderId];
    }

    /// @dev Records one payment, or returns the selector of the reason why not and changes nothing.
    function _recordPayment(uint256 orderId, bytes32 txHash) private returns (bytes4) {
        Order storage order = orders[orderId];
        if (order.status == Status.None) return UnknownOrder.selector;
        if (txHash == bytes32(0)) return InvalidPayment.selector;
        if (recorded[txHash]) return PaymentAlreadyRecorded.selector;
        if (order.status != Status.Created) return WrongStatus.selector;
        recorded[txHash] = true;
        order.status = Status.Funded;
        order.paymentHash = txHash;
        emit OrderFunded(orderId, order.amount, false, txHash);
        return bytes4(0);
    }

    /// @dev Calls that come after every change of state only.
    function _pay(address to, uint128 planck) private {
        if (planck != 0) payable(to).sendValue(uint256(planck) * valuePerPlanck);
    }

    function _sellerShare(uint128 amount, Resolution calldata resolution) private pure returns (uint128) {
        if (resolution.outcome == Outcome.RefundBuyer) return 0;
        if (resolution.outcome == Outcome.ReleaseToSeller) return amount;
        if (resolution.sellerBps > WHOLE_BPS) revert InvalidSplit(resolution.sellerBps);
        return uint128(uint256(amount) * resolution.sellerBps / WHOLE_BPS);
    }

    function _known(uint256 orderId) private view returns (Order storage order) {
        order = orders[orderId];
        if (order.status == Status.None) revert UnknownOrder(orderId);
    }

    function _at(uint256 orderId, Status expected) private view returns (Order storage order) {
        order = _known(orderId);
        if (order.status != expected) revert WrongStatus(orderId, order.status);
    }

    /// @dev `party` may act, and the oracle on its behalf.
    function _checkParty(address party) private view {
        if (msg.sender != party && !hasRole(ORACLE_ROLE, msg.sender)) revert NotAllowed(msg.sender);
    }

    function _checkCid(string calldata cid) private pure {
        if (bytes(cid).length > MAX_CID_LENGTH) revert InvalidCid();
    }
}
