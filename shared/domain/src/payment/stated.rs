//! What an admin read in M-Pesa's portal of a payment that waits for a human, and what follows from it.

use std::{fmt, str::FromStr};

use super::{Decision, OrderFooting, Payment, PaymentKind, PaymentStatus, ReviewReason};
use crate::{Kes, Timestamp};

/// A receipt as M-Pesa's portal shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct MpesaReceipt(String);

/// The text is no receipt of M-Pesa's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a receipt of M-Pesa's: 8 to 32 capital letters and digits")]
pub struct InvalidReceipt;

impl MpesaReceipt {
    /// The text, for our own table; never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MpesaReceipt {
    type Err = InvalidReceipt;

    fn from_str(text: &str) -> Result<Self, InvalidReceipt> {
        let allowed = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let good = (8..=32).contains(&text.len()) && text.bytes().all(allowed);
        good.then(|| Self(text.to_owned())).ok_or(InvalidReceipt)
    }
}

impl fmt::Debug for MpesaReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MpesaReceipt(…)")
    }
}

/// What M-Pesa's portal shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stated {
    /// The money moved.
    Paid {
        /// So much of it.
        amount: Kes,
        /// Under this receipt.
        receipt: MpesaReceipt,
    },
    /// No money moved.
    NotPaid,
}

/// A payment as a statement ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The payment, its version one higher.
    pub payment: Payment,
    /// What goes back to the buyer, where the order cannot take what came.
    pub refund: Option<Payment>,
}

/// Why a statement is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStated {
    /// The payment does not wait for a human.
    #[error("the payment waits for nobody's statement")]
    Decided,
    /// A payout or refund moves its own amount or nothing.
    #[error("must be the payment's own amount")]
    Amount,
}

impl Payment {
    /// What came of a collection.
    pub fn came(&self) -> Kes {
        self.came_kes.unwrap_or(self.amount_kes)
    }

    /// Whether the row says the same already.
    pub fn says(&self, stated: &Stated) -> bool {
        match stated {
            Stated::NotPaid => self.status == PaymentStatus::Failed,
            Stated::Paid { amount, receipt } => {
                let counts = self.status == PaymentStatus::Succeeded || self.goes_back();
                counts && self.came() == *amount && self.receipt.as_deref() == Some(receipt.as_str())
            }
        }
    }

    /// What follows from a statement of an admin's, the order of a collection being on `footing`: what came for an order that
    /// can take it counts, and everything else goes back.
    ///
    /// # Errors
    /// [`NotStated`]
    pub fn stated(&self, stated: &Stated, footing: OrderFooting, now: Timestamp) -> Result<Ended, NotStated> {
        if self.status != PaymentStatus::Review || self.goes_back() {
            return Err(NotStated::Decided);
        }
        let mut known = self.clone();
        let decision = match stated {
            Stated::NotPaid => Decision::Fail,
            Stated::Paid { amount, receipt } => {
                known.receipt = Some(receipt.as_str().to_owned());
                match (self.kind, *amount == self.amount_kes, footing) {
                    (PaymentKind::Collection, true, OrderFooting::Paid) => {
                        Decision::Review { reason: ReviewReason::SecondPayment }
                    }
                    (PaymentKind::Collection, true, OrderFooting::Closed) => {
                        Decision::Review { reason: ReviewReason::OrderClosed }
                    }
                    (PaymentKind::Collection, false, _) => {
                        known.came_kes = Some(*amount);
                        Decision::Review { reason: ReviewReason::Returned }
                    }
                    (PaymentKind::Payout | PaymentKind::Refund, false, _) => return Err(NotStated::Amount),
                    (_, true, _) => Decision::Succeed,
                }
            }
        };
        let payment = known.after(decision, now).ok_or(NotStated::Decided)?;
        let refund = payment.goes_back().then(|| Self::refund(&payment, 1, payment.came(), now));
        Ok(Ended { payment, refund })
    }

    /// Whether the money came for an order that cannot take it, and a refund of it is owed.
    pub fn goes_back(&self) -> bool {
        self.status == PaymentStatus::Review && self.review.is_some_and(ReviewReason::goes_back)
    }
}
