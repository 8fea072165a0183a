//! An order with its payments, and what the one who asks is to it.

use descrow_domain::{
    Account, OrderId, PaymentId,
    order::{Actor, Money, Order, OrderMove, Party, Viewer},
    payment::Payment,
    user::Role,
    view::OrderView,
};
use descrow_store::{Store, StoreError};
use descrow_web::{ApiError, Code};

/// An order as the database has it.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    /// The order.
    pub(crate) order: Order,
    /// Its payments, as far as the index knows them.
    pub(crate) payments: Vec<Payment>,
}

impl Footing {
    /// Reads an order and its payments.
    pub(crate) async fn read(store: &Store, id: OrderId) -> Result<Option<Self>, StoreError> {
        let found = store.payments().with_order(id).await?;
        Ok(found.map(|(order, payments)| Self { order, payments }))
    }

    /// The order's payment of this id.
    pub(crate) fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    /// What stands of the order's money.
    pub(crate) fn money(&self) -> Money<'_> {
        Money::of(&self.order, |id| self.payment(id))
    }

    /// The order as `viewer` sees it.
    pub(crate) fn view(&self, viewer: Viewer) -> OrderView {
        OrderView::new(&self.order, viewer, |id| self.payment(id))
    }

    /// The same with the order as it is after a change.
    pub(crate) fn after(&self, order: Order) -> Self {
        Self { order, payments: self.payments.clone() }
    }

    /// The same with a payment as it is now.
    pub(crate) fn knowing(&self, payment: Payment) -> Self {
        let id = payment.id;
        let others = self.payments.iter().filter(|known| known.id != id).cloned();
        Self { order: self.order.clone(), payments: others.chain([payment]).collect() }
    }

    /// 409 of `code` that names the order's status, what stands `against` the request, and what `viewer` may do.
    pub(crate) fn refused(&self, viewer: Viewer, code: Code, against: Option<(&str, String)>) -> ApiError {
        ApiError::order_moves(&self.order, Actor::from(viewer), self.money(), code, against)
    }

    /// Whether `viewer` may make the move now.
    ///
    /// # Errors
    /// 403 where it never is theirs; 409 that names the status, what stands against it, and what they may do.
    pub(crate) fn may(&self, viewer: Viewer, action: OrderMove) -> Result<(), ApiError> {
        let (actor, money) = (Actor::from(viewer), self.money());
        let refused = |why| ApiError::refused(&self.order, actor, money, why);
        self.order.may(actor, action, money).map(drop).map_err(refused)
    }
}

/// What somebody is to an order: a party to it, or an admin. To a stranger there is no order.
pub(crate) fn viewer(order: &Order, account: &Account, role: Role) -> Result<Viewer, ApiError> {
    let party = order.party(account).map(Viewer::from);
    party.or((role == Role::Admin).then_some(Viewer::Admin)).ok_or_else(ApiError::not_found)
}

/// What was found, and what the one who asks is to it.
pub(crate) fn seen(found: Option<Footing>, account: &Account, role: Role) -> Result<(Footing, Viewer), ApiError> {
    let found = found.ok_or_else(ApiError::not_found)?;
    let viewer = viewer(&found.order, account, role)?;
    Ok((found, viewer))
}

/// Which party to the order the one who asks is.
///
/// # Errors
/// 403 for admins, who look on.
pub(crate) fn party(order: &Order, account: &Account) -> Result<Party, ApiError> {
    let looks_on = || ApiError::new(Code::WrongRole, "Only the buyer and the seller of the order may do this.");
    order.party(account).ok_or_else(looks_on)
}
