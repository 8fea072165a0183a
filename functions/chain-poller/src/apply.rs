//! One event of the contract, made true in the database.

use descrow_chain::{ContractEvent, EscrowEvent};
use descrow_domain::{
    OrderId, Timestamp,
    command::{Command, CommandKind, CommandStatus},
    order::Order,
};
use descrow_store::{Applied, ChainChange, FinalCommand};

use crate::{
    PollError, Poller,
    consequence::{Change, Consequence, Facts, consequence, wanted},
    parked::reason_of_its_order,
};

/// How often an order is read anew when others change it meanwhile.
const ATTEMPTS: u32 = 6;
/// Why an event waits that nothing else stands against.
const BEHIND: &str = "behind_another";

impl Poller {
    /// Stores what `found` changes, or that it waits (see [`parked`](crate::parked)). Nothing where it was stored before, and
    /// where it is about an order that is not ours.
    ///
    /// # Errors
    /// [`PollError`]: the event is not stored, and must be read again.
    pub async fn apply(&self, found: &ContractEvent) -> Result<(), PollError> {
        let (event, block, index, reference) = (found.event.name(), found.block, found.index, found.event.order());
        let contract = self.contract.address.to_string();
        let referred = self.store.chain_state().referred(&contract, reference.0).await?;
        if referred.waits {
            tracing::error!(event, block, index, %reference, reason = BEHIND, "poller.needs_a_human");
            return self.park(found, BEHIND).await;
        }
        let made = match referred.order {
            Ok(order) => self.make_true(found, order).await,
            Err(error) => Err(error.into()),
        };
        let Err(error) = made else { return Ok(()) };
        let Some(reason) = reason_of_its_order(&error) else { return Err(error) };
        tracing::error!(event, block, index, %reference, reason, error = %error, "poller.needs_a_human");
        self.park(found, reason).await
    }

    /// Stores what `found`, an event of `order`, changes; nothing where it was stored before.
    pub(crate) async fn make_true(&self, found: &ContractEvent, order: Option<OrderId>) -> Result<(), PollError> {
        let event = found.event.name();
        let Some(id) = order else {
            tracing::warn!(event, block = found.block, reference = %found.event.order(), "poller.order_unknown");
            return Ok(());
        };
        if let EscrowEvent::PaymentRefused { payment, reason, .. } = &found.event {
            return self.payment_refused(id, payment, reason).await;
        }
        for _ in 0..ATTEMPTS {
            let now = Timestamp::now();
            let order = self.store.orders().get(id).await?.ok_or(PollError::OrderMissing)?;
            let facts = self.facts(&order, &found.event).await?;
            let change = match consequence(&order, found, &facts, self.windows, now) {
                Consequence::Known => return self.follow_up(found, id, now).await,
                Consequence::DoesNotFit(why) => {
                    tracing::error!(event, block = found.block, order = %id, status = order.status.as_str(), why, "poller.event_does_not_fit");
                    return Ok(());
                }
                Consequence::Change(change) => change,
            };
            if self.write(&change, found, now).await? {
                if let Some(why) = change.alarm {
                    tracing::error!(event, order = %id, why, "poller.needs_a_human");
                }
                tracing::info!(event, block = found.block, order = %id, status = change.order.status.as_str(), "poller.event_applied");
                return self.follow_up(found, id, now).await;
            }
        }
        Err(PollError::Contention)
    }

    /// The rows that decide what `event` means.
    async fn facts(&self, order: &Order, event: &EscrowEvent) -> Result<Facts, PollError> {
        let found = self.store.read_together(&wanted(order, event)).await?;
        Ok(Facts {
            seller_phone: found.other_user.and_then(|seller| seller.phone),
            payment: found.payment,
            booked: found.booked,
            payout: found.payout,
            product: found.product,
        })
    }

    /// `false` when the order, or what else is written with it, changed meanwhile.
    async fn write(&self, change: &Change, found: &ContractEvent, now: Timestamp) -> Result<bool, PollError> {
        let extrinsic = found.extrinsic_hash.map(|hash| format!("0x{}", hex::encode(hash)));
        let written = ChainChange {
            order: &change.order,
            command: change.command_id.as_deref().map(|id| FinalCommand {
                id,
                block: found.block,
                extrinsic: extrinsic.as_deref(),
            }),
            payments: &change.payments,
            withdraw: change.withdraw.as_ref(),
            stock: change.stock.as_ref(),
            ledger: change.ledger.as_ref(),
        };
        match self.store.orders().apply_chain_event(&written, now).await? {
            Applied::Done => Ok(true),
            Applied::Stale(_) | Applied::Elsewhere => Ok(false),
        }
    }

    /// What is done after the event is stored, once more where the first time may have failed.
    async fn follow_up(&self, found: &ContractEvent, order: OrderId, now: Timestamp) -> Result<(), PollError> {
        match found.event {
            EscrowEvent::OrderCreated { .. } => self.wake_early_payment(order, now).await,
            _ => Ok(()),
        }
    }

    /// A payment that came before its order was on the contract was left waiting by the submitter: now is its time.
    async fn wake_early_payment(&self, order: OrderId, now: Timestamp) -> Result<(), PollError> {
        let commands = self.store.chain_commands();
        if let Some(command) = commands.get(&CommandKind::RecordPayment.id(order)).await?
            && command.status == CommandStatus::Queued
        {
            // Where somebody else changed it, it is awake.
            commands.rearm(&command, now).await?;
        }
        Ok(())
    }

    /// The contract skipped our record of a payment in a batch: the command failed.
    async fn payment_refused(&self, order: OrderId, payment: &[u8; 32], reason: &str) -> Result<(), PollError> {
        let commands = self.store.chain_commands();
        let Some(command) = commands.get(&CommandKind::RecordPayment.id(order)).await? else { return Ok(()) };
        let hash = format!("0x{}", hex::encode(payment));
        let ours = matches!(&command.command, Command::RecordPayment { tx_hash, .. } if *tx_hash == hash);
        // A record that was made before, and repeated, is refused too: its command is final by then.
        if ours && command.status.is_open() {
            commands.mark_failed(&command, reason, Timestamp::now()).await?;
            tracing::error!(command = %command.id, reason, "poller.payment_refused");
        }
        Ok(())
    }
}
