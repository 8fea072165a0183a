//! Double-entry bookkeeping: every movement of money as entries that sum to zero, appended and never changed.
//!
//! An amount is positive where an account gains and negative where it gives. For each order at each instant, what came in
//! equals what went out plus what is held (DESIGN §10): the balance of [`LedgerAccount::Escrow`] is what is owed to somebody.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Kes, OrderId, PaymentId, Planck, Timestamp};

/// Where value sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// The world behind our M-Pesa accounts: minus what came in, plus what went out.
    Mpesa,
    /// The world behind the escrow contract: minus what came in, plus what went out.
    Contract,
    /// What is held for an order.
    Escrow,
}

/// The unit of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole Kenyan shillings.
    Kes,
    /// Planck.
    Planck,
}

/// A signed amount, stored as a decimal string: DynamoDB's numbers have 38 digits, planck may have 39.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signed(pub i128);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A buyer's shillings arrived.
    CollectionReceived,
    /// A seller's shillings left.
    PayoutSent,
    /// A buyer's shillings went back.
    RefundSent,
    /// A buyer's DOT arrived in the contract.
    EscrowFunded,
    /// The contract paid DOT out.
    EscrowReleased,
}

/// A row of `ledger`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The partition key.
    pub order_id: OrderId,
    /// The sort key: the cause and the account, so that the same movement is entered once.
    pub entry_id: String,
    /// What happened.
    pub event: LedgerEvent,
    /// Whose balance changes.
    pub account: LedgerAccount,
    /// In what.
    pub unit: Unit,
    /// By how much.
    pub amount: Signed,
    /// The payment that caused it, where M-Pesa did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// When.
    pub at: Timestamp,
}

/// Two entries that sum to zero.
pub type Transaction = [LedgerEntry; 2];

struct Movement {
    order_id: OrderId,
    cause: String,
    event: LedgerEvent,
    unit: Unit,
    amount: i128,
    payment_id: Option<PaymentId>,
    at: Timestamp,
}

impl Movement {
    fn between(&self, from: LedgerAccount, to: LedgerAccount) -> Transaction {
        let entry = |account, amount, side| LedgerEntry {
            order_id: self.order_id,
            entry_id: format!("{}#{side}", self.cause),
            event: self.event,
            account,
            unit: self.unit,
            amount: Signed(amount),
            payment_id: self.payment_id,
            at: self.at,
        };
        [entry(from, -self.amount, "from"), entry(to, self.amount, "to")]
    }
}

/// A buyer's shillings arrived by M-Pesa and are held for the order.
pub fn collection_received(order_id: OrderId, payment_id: PaymentId, amount: Kes, at: Timestamp) -> Transaction {
    shillings(order_id, payment_id, LedgerEvent::CollectionReceived, amount, at)
        .between(LedgerAccount::Mpesa, LedgerAccount::Escrow)
}

/// The entry that shows that what `payment` collected is held, or was.
pub fn collection_entry_id(payment: PaymentId) -> String {
    format!("{payment}#to")
}

/// Shillings that were held left by M-Pesa, to the seller.
pub fn payout_sent(order_id: OrderId, payment_id: PaymentId, amount: Kes, at: Timestamp) -> Transaction {
    shillings(order_id, payment_id, LedgerEvent::PayoutSent, amount, at)
        .between(LedgerAccount::Escrow, LedgerAccount::Mpesa)
}

/// Shillings that were held went back by M-Pesa, to the buyer.
pub fn refund_sent(order_id: OrderId, payment_id: PaymentId, amount: Kes, at: Timestamp) -> Transaction {
    shillings(order_id, payment_id, LedgerEvent::RefundSent, amount, at)
        .between(LedgerAccount::Escrow, LedgerAccount::Mpesa)
}

/// A buyer's DOT arrived in the contract and is held for the order.
pub fn escrow_funded(order_id: OrderId, amount: Planck, at: Timestamp) -> Option<Transaction> {
    let movement = planck(order_id, "escrow_funded", LedgerEvent::EscrowFunded, amount, at)?;
    Some(movement.between(LedgerAccount::Contract, LedgerAccount::Escrow))
}

/// The contract paid out DOT that was held for the order.
pub fn escrow_released(order_id: OrderId, amount: Planck, at: Timestamp) -> Option<Transaction> {
    let movement = planck(order_id, "escrow_released", LedgerEvent::EscrowReleased, amount, at)?;
    Some(movement.between(LedgerAccount::Escrow, LedgerAccount::Contract))
}

fn shillings(order_id: OrderId, payment_id: PaymentId, event: LedgerEvent, amount: Kes, at: Timestamp) -> Movement {
    let (cause, amount) = (payment_id.to_string(), i128::from(amount.0));
    Movement { order_id, cause, event, unit: Unit::Kes, amount, payment_id: Some(payment_id), at }
}

/// `None` above 2¹²⁷ planck, which no chain holds.
fn planck(order_id: OrderId, cause: &str, event: LedgerEvent, amount: Planck, at: Timestamp) -> Option<Movement> {
    let amount = i128::try_from(amount.0).ok()?;
    Some(Movement { order_id, cause: cause.to_owned(), event, unit: Unit::Planck, amount, payment_id: None, at })
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Signed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Signed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Signed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn balance(entries: &[LedgerEntry], account: LedgerAccount, unit: Unit) -> i128 {
        entries.iter().filter(|e| e.account == account && e.unit == unit).map(|e| e.amount.0).sum()
    }

    #[test]
    fn a_payment_that_came_and_went_leaves_nothing_held() {
        let (order, came, went) = (OrderId::new(), PaymentId::new(), PaymentId::new());
        let mut book = collection_received(order, came, Kes(1500), Timestamp(1)).to_vec();
        assert_eq!(balance(&book, LedgerAccount::Escrow, Unit::Kes), 1500);
        book.extend(payout_sent(order, went, Kes(1500), Timestamp(2)));
        assert_eq!(balance(&book, LedgerAccount::Escrow, Unit::Kes), 0);
        assert_eq!(balance(&book, LedgerAccount::Mpesa, Unit::Kes), 0);
    }

    #[test]
    fn the_same_movement_has_the_same_keys_and_another_has_others() {
        let (order, one, two) = (OrderId::new(), PaymentId::new(), PaymentId::new());
        let keys = |payment| collection_received(order, payment, Kes(1), Timestamp::now()).map(|e| e.entry_id);
        assert_eq!(keys(one), keys(one));
        assert!(keys(one).iter().all(|key| !keys(two).contains(key)));
        assert_ne!(keys(one)[0], keys(one)[1]);
        let [_, held] = collection_received(order, one, Kes(1), Timestamp::now());
        assert_eq!((held.account, held.entry_id), (LedgerAccount::Escrow, collection_entry_id(one)));
    }

    #[test]
    fn an_entry_is_stored_with_its_amount_as_text() {
        let payment = PaymentId::new();
        let order = OrderId::new();
        let [from, _] = collection_received(order, payment, Kes(7), Timestamp(3));
        let json = serde_json::json!({
            "order_id": order, "entry_id": format!("{payment}#from"), "event": "collection_received",
            "account": "mpesa", "unit": "kes", "amount": "-7", "payment_id": payment, "at": 3,
        });
        assert_eq!(serde_json::to_value(&from).unwrap(), json);
        assert_eq!(serde_json::from_value::<LedgerEntry>(json).unwrap(), from);
    }

    proptest! {
        #[test]
        fn every_transaction_sums_to_zero_in_one_unit(kes: u32, planck in 0u128..=i128::MAX.cast_unsigned()) {
            let (order, payment) = (OrderId::new(), PaymentId::new());
            let transactions = [
                Some(collection_received(order, payment, Kes(kes), Timestamp(0))),
                Some(payout_sent(order, payment, Kes(kes), Timestamp(0))),
                Some(refund_sent(order, payment, Kes(kes), Timestamp(0))),
                escrow_funded(order, Planck(planck), Timestamp(0)),
                escrow_released(order, Planck(planck), Timestamp(0)),
            ];
            for transaction in transactions {
                let transaction = transaction.unwrap();
                let mut sums: HashMap<Unit, i128> = HashMap::new();
                for entry in &transaction {
                    *sums.entry(entry.unit).or_default() += entry.amount.0;
                }
                prop_assert_eq!(sums.into_values().collect::<Vec<_>>(), vec![0]);
            }
        }
    }
}
