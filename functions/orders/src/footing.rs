//! An order with its payments, and what the one who asks is to it.

use descrow_domain::{
    Account, OrderId, PaymentId,
    order::{Order, Party, Viewer},
    payment::Payment,
    view::OrderView,
};
use descrow_store::{Store, StoreError};
use descrow_web::{ApiError, Code};

/// An order as one of its parties found it.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    /// The order.
    pub(crate) order: Order,
    /// Its payments, as far as the index knows them.
    pub(crate) payments: Vec<Payment>,
}

impl Footing {
    /// Reads an order and its payments in one round trip: the payments are found by the order's id, not by what the order
    /// says of them. The index may be a moment behind; where it misses a payment that the order names, a second read gets
    /// it.
    pub(crate) async fn read(store: &Store, id: OrderId) -> Result<Option<Self>, StoreError> {
        let (order, payments) = tokio::try_join!(store.orders().get(id), store.payments().of_order(id))?;
        let Some(order) = order else { return Ok(None) };
        let mut found = Self { order, payments };
        let named = [found.order.payment_id, found.order.payout_id, found.order.refund_id].into_iter().flatten();
        let missed: Vec<PaymentId> = named.filter(|id| found.payment(*id).is_none()).collect();
        if !missed.is_empty() {
            found.payments.extend(store.payments().get_all(&missed).await?);
        }
        Ok(Some(found))
    }

    /// The order's payment of this id.
    pub(crate) fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    /// The order as `viewer`, a party to it, sees it.
    pub(crate) fn view(&self, viewer: &Account) -> OrderView {
        let viewer = self.order.party(viewer).map_or(Viewer::Seller, Viewer::from);
        OrderView::new(&self.order, viewer, |id| self.payment(id))
    }
}

/// What was found, for one of its parties. To a stranger there is no order.
pub(crate) fn of_party(found: Option<Footing>, account: &Account) -> Result<(Footing, Party), ApiError> {
    let found = found.ok_or_else(ApiError::not_found)?;
    let party = found.order.party(account).ok_or_else(ApiError::not_found)?;
    Ok((found, party))
}

/// What was found, for the party that alone may do what is asked.
pub(crate) fn of_only(found: Option<Footing>, account: &Account, only: Party) -> Result<Footing, ApiError> {
    let (found, party) = of_party(found, account)?;
    if party == only {
        return Ok(found);
    }
    let message = match only {
        Party::Buyer => "Only the buyer of the order may do this.",
        Party::Seller => "Only the seller of the order may do this.",
    };
    Err(ApiError::new(Code::WrongRole, message))
}
