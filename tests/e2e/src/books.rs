//! What must be true of a trade however it went (DESIGN §10): the books, the contract and M-Pesa tell the same story.

use descrow_chain::{Chain, EscrowContract, EscrowEvent, OrderRef, solidity::SolidityAbi};
use descrow_domain::{
    ledger::{LedgerAccount, LedgerEvent, Unit},
    payment::{PaymentKind, PaymentStatus},
};
use descrow_platform::Deadline;
use serde_json::Value;

use crate::{
    Outcome,
    lab::{Lab, PATIENCE, Trade},
};

/// How far money came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// The buyer's phone paid this many times; the rest as below.
    Unrecorded {
        /// How often the phone paid.
        paid: u64,
    },
    /// Paid once, on the contract, held.
    Held,
    /// Paid once, on the contract, and paid out.
    PaidOut,
    /// Paid once, on the contract, and refunded.
    Refunded,
    /// Paid once for an order that could not take it, never on the contract, and given back.
    GivenBack,
}

/// What is known of a trade from everywhere, to be compared as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// Shillings that left the buyer's phone.
    pub phone_paid: u64,
    /// Shillings that reached the seller's phone.
    pub phone_received: u64,
    /// Shillings that came back to the buyer's phone.
    pub phone_refunded: u64,
    /// Payouts that M-Pesa took for the seller's phone.
    pub payouts_at_mpesa: usize,
    /// Refunds that M-Pesa took for the buyer's phone.
    pub refunds_at_mpesa: usize,
    /// `OrderFunded` events of the order on the contract.
    pub contract_records: usize,
    /// Collections that succeeded in our table.
    pub collections: usize,
    /// Payouts that succeeded in our table.
    pub payouts: usize,
    /// Refunds that succeeded in our table.
    pub refunds: usize,
    /// Shillings in by our books.
    pub booked_in: i128,
    /// Shillings out to the seller by our books.
    pub booked_out: i128,
    /// Shillings back to the buyer by our books.
    pub booked_back: i128,
    /// Shillings held by our books.
    pub booked_held: i128,
    /// What all entries of our books sum to: zero, always.
    pub booked_sum: i128,
}

impl Story {
    /// What a trade's story must be.
    pub fn expected(trade: &Trade, money: Money) -> Self {
        let amount = i128::from(trade.amount_kes);
        let back = Self {
            phone_paid: trade.amount_kes,
            phone_refunded: trade.amount_kes,
            refunds_at_mpesa: 1,
            refunds: 1,
            booked_in: amount,
            booked_back: amount,
            ..Self::default()
        };
        let paid = Self { phone_paid: trade.amount_kes, contract_records: 1, collections: 1, ..Self::default() };
        match money {
            Money::Unrecorded { paid } => Self { phone_paid: trade.amount_kes * paid, ..Self::default() },
            Money::Held => Self { booked_in: amount, booked_held: amount, ..paid },
            Money::PaidOut => Self {
                phone_received: trade.amount_kes,
                payouts_at_mpesa: 1,
                payouts: 1,
                booked_in: amount,
                booked_out: amount,
                ..paid
            },
            Money::Refunded => Self { contract_records: 1, collections: 1, ..back },
            Money::GivenBack => back,
        }
    }
}

impl Lab {
    /// What everybody says of a trade.
    ///
    /// # Errors
    /// Somebody could not be asked.
    pub async fn story(&self, trade: &Trade) -> Outcome<Story> {
        let sandbox = self.sandbox.ledger().await?;
        let moved = |phone: &str, what: &str| {
            sandbox.pointer(&format!("/phones/{phone}/{what}")).and_then(Value::as_u64).unwrap_or_default()
        };
        let order = trade.order_id()?;
        let payments = self.store.payments().of_order(order).await?;
        let succeeded = |kind: PaymentKind| {
            payments.iter().filter(|p| p.kind == kind && p.status == PaymentStatus::Succeeded).count()
        };
        let entries = self.store.ledger().of_order(order).await?;
        if let Some(other) = entries.iter().find(|entry| entry.unit != Unit::Kes) {
            return Err(format!("an M-Pesa order has an entry in another unit: {other:?}").into());
        }
        let booked = |account: LedgerAccount, event: Option<LedgerEvent>| -> i128 {
            let of_account = entries.iter().filter(|entry| entry.account == account);
            of_account.filter(|entry| event.is_none_or(|event| entry.event == event)).map(|entry| entry.amount.0).sum()
        };
        Ok(Story {
            phone_paid: moved(&trade.buyer.phone, "paid"),
            phone_received: moved(&trade.seller.phone, "received"),
            phone_refunded: moved(&trade.buyer.phone, "received"),
            payouts_at_mpesa: self.sandbox.payouts(&trade.seller.phone).await?.len(),
            refunds_at_mpesa: self.sandbox.payouts(&trade.buyer.phone).await?.len(),
            contract_records: self.records(trade).await?,
            collections: succeeded(PaymentKind::Collection),
            payouts: succeeded(PaymentKind::Payout),
            refunds: succeeded(PaymentKind::Refund),
            booked_in: -booked(LedgerAccount::Mpesa, Some(LedgerEvent::CollectionReceived)),
            booked_out: booked(LedgerAccount::Mpesa, Some(LedgerEvent::PayoutSent)),
            booked_back: booked(LedgerAccount::Mpesa, Some(LedgerEvent::RefundSent)),
            booked_held: booked(LedgerAccount::Escrow, None),
            booked_sum: entries.iter().map(|entry| entry.amount.0).sum(),
        })
    }

    /// `OrderFunded` events of the trade in finalised blocks since it began.
    async fn records(&self, trade: &Trade) -> Outcome<usize> {
        let deadline = Deadline::after(PATIENCE);
        let chain = Chain::connect(&self.stack.chain_url, deadline).await?;
        let contract = EscrowContract::new(self.stack.contract_address.parse()?, SolidityAbi::reference()?);
        let ours = OrderRef::of(trade.order_id()?);
        let head = chain.finalized_head(deadline).await?.number;
        let mut records = 0;
        for number in trade.from_block..=head {
            let events = contract.events_in(&chain.at_number(number, deadline).await?, deadline).await?;
            let of_trade =
                |event: &EscrowEvent| matches!(event, EscrowEvent::OrderFunded { order, .. } if *order == ours);
            records += events.iter().filter(|found| of_trade(&found.event)).count();
        }
        Ok(records)
    }
}
