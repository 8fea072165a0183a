//! One message: find the payment, hear what is said of it, settle.

use descrow_domain::{PaymentId, payment::PaymentKind};
use descrow_mpesa::{CallbackKind, Daraja, StkSettings};
use descrow_platform::{Deadline, queue::Disposition};
use descrow_store::{Store, StoreError};

use crate::{Unreadable, Work};

/// Settles payments.
pub struct Processor {
    /// The database.
    pub store: Store,
    /// Where claimed successes are confirmed.
    pub daraja: Daraja,
    /// As which shortcode.
    pub stk: StkSettings,
}

/// Why a message is not done; it will come again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The message cannot be read.
    #[error(transparent)]
    Message(#[from] Unreadable),
    /// The callback in the message cannot be read; it waits in the dead-letter queue for a human.
    #[error("callback of payment {payment}: {reason}")]
    Callback {
        /// The payment.
        payment: PaymentId,
        /// What is wrong with it.
        reason: descrow_mpesa::Unreadable,
    },
    /// No such payment. A row is committed before its URL is given out, so this is a lost row or somebody else's message.
    #[error("payment {0} does not exist")]
    UnknownPayment(PaymentId),
    /// The callback's kind does not fit the payment's.
    #[error("payment {0} gets no callback of this kind")]
    WrongKind(PaymentId),
}

impl Processor {
    /// Handles the message with `body`.
    ///
    /// # Errors
    /// [`Failure`]: the message must come again.
    pub async fn handle(&self, body: &str, deadline: Deadline) -> Result<Disposition, Failure> {
        let work = Work::parse(body)?;
        let id = work.payment();
        let payment = self.store.payments().get(id).await?.ok_or(Failure::UnknownPayment(id))?;
        let collects = payment.kind == PaymentKind::Collection;
        match work {
            Work::Check(_) if collects => self.check_collection(payment, deadline).await?,
            // A payout's status is asked for by `payout-sender`, and comes as a callback.
            Work::Check(_) => return Err(Failure::WrongKind(id)),
            Work::Callback(message) => match (message.kind, collects) {
                (CallbackKind::Stk, true)
                | (CallbackKind::Result | CallbackKind::Timeout | CallbackKind::Status, false) => {
                    let callback = message.callback();
                    match callback {
                        Ok(descrow_mpesa::Callback::Stk(heard)) if collects => {
                            self.hear_collection(payment, heard, message.received_at, deadline).await?;
                        }
                        Ok(descrow_mpesa::Callback::Result(heard)) if !collects => {
                            self.hear_payout(payment, message.kind, Some(heard), message.received_at).await?;
                        }
                        // A timeout notice means the same whatever its body is (DARAJA.md §5.4).
                        _ if message.kind == CallbackKind::Timeout => {
                            self.hear_payout(payment, message.kind, None, message.received_at).await?;
                        }
                        Err(reason) => return Err(Failure::Callback { payment: id, reason }),
                        Ok(_) => return Err(Failure::WrongKind(id)),
                    }
                }
                _ => return Err(Failure::WrongKind(id)),
            },
        }
        Ok(Disposition::Delete)
    }
}
