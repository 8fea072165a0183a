//! One look at everything that waits.

use std::time::Duration;

use descrow_domain::{
    Timestamp,
    command::ChainCommand,
    payment::{Payment, PaymentKind},
};
use descrow_platform::{
    Deadline,
    queue::{CONTRACT_GROUP, WakeUp},
    wake::{FifoQueue, SendError, StandardQueue},
};
use descrow_store::{Store, StoreError};
use futures_util::{StreamExt, stream};
use serde::Serialize;

/// The most rows of a kind that one run wakes; the next run takes the rest, the longest overdue first.
const BATCH: usize = 100;
/// Sends that run at the same time.
const PARALLEL: usize = 8;
/// A command that nobody touched for this long, in seconds, is woken: its block should have come by then.
const COMMAND_IDLE: i64 = 60;
/// What a send needs at the least.
const NEEDED: Duration = Duration::from_secs(1);

/// Who can be woken.
pub struct Queues {
    /// `mpesa-callbacks`.
    pub callbacks: StandardQueue,
    /// `oracle-commands`.
    pub commands: FifoQueue,
    /// `payouts`.
    pub payouts: FifoQueue,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Wake-ups for overdue collections.
    pub collections: usize,
    /// Wake-ups for overdue payouts and refunds.
    pub payouts: usize,
    /// Wake-ups for commands that got stuck.
    pub commands: usize,
    /// Wake-ups that could not be sent; the next run sends them.
    pub unsent: usize,
    /// Rows that are overdue and cannot be read.
    pub unreadable: usize,
}

enum Woken {
    Collection,
    Payout,
    Command,
}

/// Wakes whoever settles what is overdue at `now`.
///
/// # Errors
/// [`StoreError`] when the indexes cannot be read. A wake-up that cannot be sent is counted and never stops the others.
pub async fn sweep(store: &Store, queues: &Queues, now: Timestamp, deadline: Deadline) -> Result<Swept, StoreError> {
    let (payments, chain_commands) = (store.payments(), store.chain_commands());
    let stuck = chain_commands.open(now.plus_seconds(-COMMAND_IDLE), BATCH);
    let (payments, commands) = tokio::try_join!(payments.due(now, BATCH), stuck)?;
    let payments = payments.into_iter().map(|row| row.map(Overdue::Payment));
    let rows = payments.chain(commands.into_iter().map(|row| row.map(Overdue::Command)));
    let mut unreadable = 0;
    let mut overdue = Vec::new();
    for row in rows {
        match row {
            Ok(row) => overdue.push(row),
            Err(error) => {
                unreadable += 1;
                tracing::error!(%error, "reconciler.row_unreadable");
            }
        }
    }
    let sent = stream::iter(overdue).map(|row| wake(row, queues, now, deadline)).buffer_unordered(PARALLEL);
    let swept = sent
        .fold(Swept { unreadable, ..Swept::default() }, |mut swept, sent| async move {
            match sent {
                Ok(Woken::Collection) => swept.collections += 1,
                Ok(Woken::Payout) => swept.payouts += 1,
                Ok(Woken::Command) => swept.commands += 1,
                Err(()) => swept.unsent += 1,
            }
            swept
        })
        .await;
    Ok(swept)
}

enum Overdue {
    Payment(Payment),
    Command(ChainCommand),
}

async fn wake(row: Overdue, queues: &Queues, now: Timestamp, deadline: Deadline) -> Result<Woken, ()> {
    let (id, sent) = match row {
        _ if !deadline.allows(NEEDED) => return Err(()),
        Overdue::Payment(payment) => {
            let id = payment.id.to_string();
            let sent = wake_payment(&payment, queues, now, deadline).await;
            (id, sent)
        }
        Overdue::Command(command) => {
            // A command that moves slowly is woken once a minute at the most: SQS drops the repetition.
            let once = format!("{}@{}!{}", command.id, command.version, now.seconds() / 60);
            let sent = queues.commands.send(&WakeUp::new(&command.id), CONTRACT_GROUP, &once, deadline).await;
            (command.id, sent.map(|()| Woken::Command))
        }
    };
    sent.map_err(|error| tracing::error!(row = %id, %error, "reconciler.not_woken"))
}

async fn wake_payment(
    payment: &Payment,
    queues: &Queues,
    now: Timestamp,
    deadline: Deadline,
) -> Result<Woken, SendError> {
    let wake = WakeUp::new(payment.id.to_string());
    match payment.kind {
        PaymentKind::Collection => {
            queues.callbacks.send(&wake, deadline).await?;
            Ok(Woken::Collection)
        }
        PaymentKind::Payout | PaymentKind::Refund => {
            let once = format!("{}@{}!{}", payment.id, payment.version, now.seconds() / 60);
            queues.payouts.send(&wake, &payment.order_id.to_string(), &once, deadline).await?;
            Ok(Woken::Payout)
        }
    }
}
