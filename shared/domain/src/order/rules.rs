//! Who may move an order, and what happens by itself when a window ends. Pure.

use super::{IllegalMove, Order, OrderMove, OrderStatus, Party, PaymentMode, PendingAction};
use crate::{
    Account, PaymentId, Timestamp,
    command::{ChainCommand, Command},
    dispute::{Decision, Dispute, DisputeResolution, Proposal, Reason},
    payment::{Payment, PaymentStatus},
};

/// Who moves an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Who pays.
    Buyer,
    /// Who ships and is paid.
    Seller,
    /// Who decides disputes.
    Admin,
    /// Descrow itself: a payment arrived, a window ended.
    System,
}

/// Who looks at an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Who pays.
    Buyer,
    /// Who ships and is paid.
    Seller,
    /// Who decides disputes.
    Admin,
}

impl From<Party> for Viewer {
    fn from(party: Party) -> Self {
        match party {
            Party::Buyer => Self::Buyer,
            Party::Seller => Self::Seller,
        }
    }
}

impl From<Viewer> for Actor {
    fn from(viewer: Viewer) -> Self {
        match viewer {
            Viewer::Buyer => Self::Buyer,
            Viewer::Seller => Self::Seller,
            Viewer::Admin => Self::Admin,
        }
    }
}

impl From<Party> for Actor {
    fn from(party: Party) -> Self {
        Viewer::from(party).into()
    }
}

/// The order's money by M-Pesa, which stands against some moves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Money<'a> {
    /// The payment that the order names.
    pub payment: Option<&'a Payment>,
    /// The payout that the order names.
    pub payout: Option<&'a Payment>,
}

impl<'a> Money<'a> {
    /// What `order` names, as `find` finds it.
    pub fn of(order: &Order, find: impl Fn(PaymentId) -> Option<&'a Payment>) -> Self {
        Self { payment: order.payment_id.and_then(&find), payout: order.payout_id.and_then(&find) }
    }

    /// Whether M-Pesa may still say that the buyer paid.
    fn is_awaited(self) -> bool {
        self.payment.is_some_and(|payment| payment.status.is_open())
    }

    /// Whether the buyer paid, and only the contract has not heard of it; or paid in a way that somebody has to look into.
    fn has_come(self) -> bool {
        self.payment.is_some_and(|payment| match payment.status {
            PaymentStatus::Succeeded => true,
            PaymentStatus::Review => payment.review.is_some_and(|reason| !reason.allows_new_push()),
            _ => false,
        })
    }

    /// Whether the seller's money may have left.
    pub fn has_left(self) -> bool {
        self.payout.is_some_and(Payment::may_have_left)
    }
}

/// Why an order is not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The move is never this actor's.
    #[error("this move is not yours")]
    NotYours,
    /// The order's status does not allow it, or not to this actor.
    #[error(transparent)]
    State(#[from] IllegalMove),
    /// Another move waits for the chain.
    #[error("another move waits for the chain")]
    Pending(OrderMove),
    /// A payment is under way: M-Pesa has not said yet whether the buyer paid.
    #[error("a payment is under way")]
    PaymentOpen,
    /// The buyer paid already: to pay again would be to pay twice.
    #[error("the payment has come already")]
    PaymentMade,
    /// The seller's money is on its way.
    #[error("the seller's money is on its way")]
    PayoutSent,
}

impl OrderMove {
    /// Whether the move is ever `actor`'s.
    pub fn open_to(self, actor: Actor) -> bool {
        use Actor::{Admin, Buyer, Seller, System};
        match self {
            Self::Fund | Self::Deliver => matches!(actor, Buyer | System),
            Self::Ship => actor == Seller,
            Self::Complete => actor == System,
            Self::Dispute => matches!(actor, Buyer | Seller),
            Self::Resolve => actor == Admin,
            Self::Cancel => matches!(actor, Buyer | Seller | System),
        }
    }
}

/// A window of time for one party, with what happens when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The buyer pays; else the order is cancelled.
    Payment,
    /// The seller ships; else the order is cancelled and the buyer gets the money back.
    Shipping,
    /// The buyer looks at the goods; else they count as accepted.
    Inspection,
    /// Both sides bring evidence; afterwards an admin decides on what is there.
    Evidence,
}

impl Window {
    /// What the contract is told when the window ends; `None` where no money moves by itself.
    pub fn command(self) -> Option<Command> {
        match self {
            Self::Payment | Self::Shipping => Some(Command::Cancel),
            Self::Inspection => Some(Command::ConfirmDelivery),
            Self::Evidence => None,
        }
    }
}

impl Order {
    /// Whether `actor` may make the move now, and the status that it leads to.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn may(&self, actor: Actor, action: OrderMove, money: Money<'_>) -> Result<OrderStatus, Refusal> {
        if !action.open_to(actor) {
            return Err(Refusal::NotYours);
        }
        let next = self.status.after(action)?;
        if let Some(pending) = &self.pending {
            return Err(Refusal::Pending(pending.action));
        }
        let here = IllegalMove { status: self.status, action };
        match (self.status, action, actor) {
            // Once paid for, the seller counts on the buyer; who regrets it asks the seller or disputes.
            (OrderStatus::Funded, OrderMove::Cancel, Actor::Buyer) => Err(here.into()),
            // The contract paid the seller when it was told of the delivery.
            (OrderStatus::Delivered, OrderMove::Dispute, _) if self.paid_by() == PaymentMode::Dot => Err(here.into()),
            (OrderStatus::Delivered, OrderMove::Dispute, _) if money.has_left() => Err(Refusal::PayoutSent),
            (OrderStatus::Created, OrderMove::Fund, Actor::Buyer) | (OrderStatus::Created, OrderMove::Cancel, _)
                if money.is_awaited() =>
            {
                Err(Refusal::PaymentOpen)
            }
            (OrderStatus::Created, OrderMove::Fund, Actor::Buyer) if money.has_come() => Err(Refusal::PaymentMade),
            _ => Ok(next),
        }
    }

    /// The moves that `actor` may make now.
    pub fn allowed(&self, actor: Actor, money: Money<'_>) -> Vec<OrderMove> {
        OrderMove::ALL.into_iter().filter(|action| self.may(actor, *action, money).is_ok()).collect()
    }

    /// The window that runs, and when it ends.
    pub fn window(&self) -> Option<(Window, Timestamp)> {
        let (window, ends) = match self.status {
            OrderStatus::Created => (Window::Payment, self.deadlines.payment),
            OrderStatus::Funded => (Window::Shipping, self.deadlines.shipping),
            OrderStatus::Shipped => (Window::Inspection, self.deadlines.inspection),
            OrderStatus::Disputed if self.evidence_is_closed() => return None,
            OrderStatus::Disputed => (Window::Evidence, self.deadlines.evidence),
            OrderStatus::Delivered | OrderStatus::Completed | OrderStatus::Resolved | OrderStatus::Cancelled => {
                return None;
            }
        };
        ends.map(|ends| (window, ends))
    }

    /// The window that ended without the move that it waited for; `None` while a move waits for the chain.
    pub fn overdue(&self, now: Timestamp) -> Option<Window> {
        let (window, ends) = self.window()?;
        (self.pending.is_none() && ends <= now).then_some(window)
    }

    /// Whether the end of the evidence window was noted.
    pub fn evidence_is_closed(&self) -> bool {
        self.dispute.as_ref().is_some_and(|dispute| dispute.evidence_closed_at.is_some())
    }

    /// Whether evidence is still taken.
    pub fn takes_evidence(&self, now: Timestamp) -> bool {
        self.status == OrderStatus::Disputed
            && !self.evidence_is_closed()
            && self.deadlines.evidence.is_none_or(|ends| now < ends)
    }

    /// How the order's money moves: as it came, or until then as it was meant to come. The contract takes DOT for an order by
    /// M-Pesa too, and pays out what it took in itself. An order that was funded before this was noted was paid as it was meant.
    pub fn paid_by(&self) -> PaymentMode {
        self.funded_by.unwrap_or(self.payment_mode)
    }

    /// Whether the order was ever paid.
    pub fn was_funded(&self) -> bool {
        self.history.iter().any(|line| line.status == OrderStatus::Funded)
    }

    /// The order's next version.
    #[must_use]
    pub fn touched(self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version.saturating_add(1), ..self }
    }

    /// The order's next version with the move of `command` pending, and the command's row. `by` is `None` for the system.
    pub fn asking(self, command: Command, by: Option<Account>, now: Timestamp) -> (Self, ChainCommand) {
        let action = command.order_move();
        let command = ChainCommand::new(self.id, command, now);
        let pending = action
            .map(|action| PendingAction { action, command_id: command.id.clone(), by, at: now })
            .or(self.pending.clone());
        (Self { pending, ..self.touched(now) }, command)
    }

    /// [`Self::asking`] for a dispute of `by`, with the CID of its first evidence where it has one.
    pub fn disputing(self, reason: Reason, evidence_cid: String, by: Account, now: Timestamp) -> (Self, ChainCommand) {
        // A dispute that the contract refused may have left evidence behind.
        let before = self.dispute.as_ref().map_or(0, |dispute| dispute.evidence_count);
        let evidence_count = before.saturating_add(u32::from(!evidence_cid.is_empty()));
        let raised = Dispute::raised(Some(reason), Some(by), evidence_cid.clone(), now);
        let dispute = Dispute { evidence_count, ..raised };
        Self { dispute: Some(dispute), ..self }.asking(Command::RaiseDispute { evidence_cid }, Some(by), now)
    }

    /// The order's next version with a decision that waits for a second admin.
    #[must_use]
    pub fn proposing(self, proposal: Proposal) -> Self {
        let now = proposal.at;
        let dispute = self.dispute.clone().map(|dispute| Dispute { proposal: Some(proposal), ..dispute });
        Self { dispute, ..self }.touched(now)
    }

    /// [`Self::asking`] for the end of the dispute as `admins` decided it.
    pub fn deciding(
        self,
        resolution: DisputeResolution,
        reason: Reason,
        admins: Vec<Account>,
        now: Timestamp,
    ) -> (Self, ChainCommand) {
        let shares = resolution.shillings(self.quote.kes);
        let by = admins.last().copied();
        let decision = Decision {
            resolution,
            reason: Some(reason),
            by: admins,
            at: now,
            kes_to_buyer: shares.buyer,
            kes_to_seller: shares.seller,
        };
        let dispute = self.dispute.clone().map(|dispute| Dispute { decision: Some(decision), ..dispute });
        Self { dispute, ..self }.asking(Command::ResolveDispute { resolution }, by, now)
    }
}

#[cfg(test)]
mod tests;
