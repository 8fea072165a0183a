//! What notifications say, in plain words. No personal data: they show on lock screens.

mod order;
mod payment;

use descrow_domain::notification::NotificationKind;

pub use order::{order, refused_decision};
pub use payment::payment;

/// The text of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What it is about.
    pub kind: NotificationKind,
    /// One line.
    pub title: &'static str,
    /// A sentence or two.
    pub message: String,
}
