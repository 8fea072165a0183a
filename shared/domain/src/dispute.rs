//! Disputes: what an admin may decide, and what the decision moves.

use serde::{Deserialize, Serialize};

use crate::{
    Account, Kes, Planck, Timestamp,
    money::{KES_PAYOUT_MIN, Split},
    text::Text,
};

/// The whole of an amount in basis points.
const WHOLE_BPS: u16 = 10_000;

/// A share in basis points, 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Bps(u16);

/// More than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 0 and 10000 basis points")]
pub struct InvalidBps;

impl Bps {
    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Bps {
    type Error = InvalidBps;

    fn try_from(bps: u16) -> Result<Self, Self::Error> {
        if bps <= WHOLE_BPS { Ok(Self(bps)) } else { Err(InvalidBps) }
    }
}

impl From<Bps> for u16 {
    fn from(bps: Bps) -> Self {
        bps.0
    }
}

/// How a dispute ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DisputeResolution {
    /// The buyer gets everything back.
    RefundBuyer,
    /// The seller gets everything.
    ReleaseToSeller,
    /// Both get a part.
    Split {
        /// The seller's part, rounded down; the buyer gets the rest.
        seller_bps: Bps,
    },
}

/// M-Pesa pays no less than 10 shillings to a phone, so a share must be nothing or that much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("would leave a share of less than 10 shillings, which M-Pesa cannot pay")]
pub struct UnpayableShare;

impl DisputeResolution {
    /// The seller's share.
    pub fn seller_bps(self) -> Bps {
        match self {
            Self::RefundBuyer => Bps(0),
            Self::ReleaseToSeller => Bps(WHOLE_BPS),
            Self::Split { seller_bps } => seller_bps,
        }
    }

    /// What each side gets of `amount`, in whole shillings; the rounding goes to the buyer.
    pub fn shillings(self, amount: Kes) -> Split<Kes> {
        amount.split(self.seller_bps().0).unwrap_or(Split { buyer: amount, seller: Kes(0) })
    }

    /// What each side gets of `amount` in planck, as the contract computes it; the rounding goes to the buyer.
    pub fn planck(self, amount: Planck) -> Split<Planck> {
        amount.split(self.seller_bps().0).unwrap_or(Split { buyer: amount, seller: Planck(0) })
    }

    /// [`Self::shillings`], if M-Pesa can pay both shares.
    ///
    /// # Errors
    /// [`UnpayableShare`] when a side of a split would get 1 to 9 shillings.
    pub fn payable_shillings(self, amount: Kes) -> Result<Split<Kes>, UnpayableShare> {
        let shares = self.shillings(amount);
        let payable = |share: Kes| share.0 == 0 || share.0 >= KES_PAYOUT_MIN;
        match self {
            Self::Split { .. } if !(payable(shares.buyer) && payable(shares.seller)) => Err(UnpayableShare),
            _ => Ok(shares),
        }
    }
}

/// What an admin wrote to a decision.
pub type Reason = Text<3, 1000>;

/// A decision that waits for a second admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// How the dispute should end.
    pub resolution: DisputeResolution,
    /// Why.
    pub reason: Reason,
    /// The admin. Shown to admins only.
    pub by: Account,
    /// When.
    pub at: Timestamp,
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// How the dispute ends.
    pub resolution: DisputeResolution,
    /// Why; absent where it was decided on the contract itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The admins who decided: one, or two where the amount demands it. Shown to admins only.
    pub by: Vec<Account>,
    /// When.
    pub at: Timestamp,
    /// The buyer's share in shillings.
    pub kes_to_buyer: Kes,
    /// The seller's share in shillings.
    pub kes_to_seller: Kes,
}

/// A dispute over an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// What the party says; absent where it was raised on the chain by the party's own wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The party who raised it, where the chain's account tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Account>,
    /// When it was asked for.
    pub at: Timestamp,
    /// CID of the evidence that is named on the contract; empty where there is none.
    pub evidence_cid: String,
    /// Pieces of evidence that were handed in.
    #[serde(default)]
    pub evidence_count: u32,
    /// When the end of the evidence window was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_closed_at: Option<Timestamp>,
    /// A decision that waits for a second admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What an admin's word does to a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It waits for a second admin.
    Proposed,
    /// It is carried out, by these admins.
    Decided(Vec<Account>),
    /// The same admin said the same before.
    Known,
    /// Another admin proposed something else.
    Differs(Proposal),
}

impl Dispute {
    /// A dispute as it begins.
    pub fn raised(reason: Option<Reason>, by: Option<Account>, evidence_cid: String, at: Timestamp) -> Self {
        Self {
            reason,
            by,
            at,
            evidence_cid,
            evidence_count: 0,
            evidence_closed_at: None,
            proposal: None,
            decision: None,
        }
    }

    /// What it does that `admin` wants `resolution`, where `four_eyes` says whether a second admin must agree. An admin may
    /// change an own proposal, so two who disagree are not stuck.
    pub fn verdict(&self, resolution: DisputeResolution, admin: Account, four_eyes: bool) -> Verdict {
        match &self.proposal {
            _ if !four_eyes => Verdict::Decided(vec![admin]),
            Some(proposal) if proposal.by != admin && proposal.resolution == resolution => {
                Verdict::Decided(vec![proposal.by, admin])
            }
            Some(proposal) if proposal.by != admin => Verdict::Differs(proposal.clone()),
            Some(proposal) if proposal.resolution == resolution => Verdict::Known,
            _ => Verdict::Proposed,
        }
    }
}

/// The resolution that shares of planck on the contract amount to.
pub fn resolution_of(to_buyer: Planck, to_seller: Planck) -> DisputeResolution {
    let whole = to_buyer.0.saturating_add(to_seller.0);
    match (to_buyer.0, to_seller.0) {
        (_, 0) => DisputeResolution::RefundBuyer,
        (0, _) => DisputeResolution::ReleaseToSeller,
        (_, seller) => {
            // The contract rounded the seller's share down, so its basis points are the least that give it.
            let mut bps: u16 = 0;
            while bps < WHOLE_BPS && Planck(whole).split(bps).is_some_and(|shares| shares.seller.0 < seller) {
                bps = bps.saturating_add(1);
            }
            DisputeResolution::Split { seller_bps: Bps(bps) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_resolution() -> impl Strategy<Value = DisputeResolution> {
        prop_oneof![
            Just(DisputeResolution::RefundBuyer),
            Just(DisputeResolution::ReleaseToSeller),
            (0u16..=10_000).prop_map(|bps| DisputeResolution::Split { seller_bps: Bps(bps) }),
        ]
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole_and_the_rounding_is_the_buyers(
            resolution in any_resolution(), kes: u32, planck: u128
        ) {
            let bps = u64::from(resolution.seller_bps().get());
            let shillings = resolution.shillings(Kes(kes));
            prop_assert_eq!(u64::from(shillings.buyer.0) + u64::from(shillings.seller.0), u64::from(kes));
            prop_assert_eq!(u64::from(shillings.seller.0), u64::from(kes) * bps / 10_000);
            let held = resolution.planck(Planck(planck));
            prop_assert_eq!(held.buyer.0.checked_add(held.seller.0), Some(planck));
        }

        #[test]
        fn a_share_that_passes_can_be_paid(resolution in any_resolution(), kes in 10u32..=250_000) {
            let shares = resolution.shillings(Kes(kes));
            let payable = [shares.buyer.0, shares.seller.0].iter().all(|share| !(1..10).contains(share));
            prop_assert_eq!(resolution.payable_shillings(Kes(kes)), if payable { Ok(shares) } else { Err(UnpayableShare) });
        }
    }

    proptest! {
        #[test]
        fn a_resolution_is_read_off_the_shares_it_gives(resolution in any_resolution(), planck in 10_000u128..=u128::MAX) {
            let shares = resolution.planck(Planck(planck));
            let read = resolution_of(shares.buyer, shares.seller);
            prop_assert_eq!(read.planck(Planck(planck)), shares);
            prop_assert_eq!(read.seller_bps(), resolution.seller_bps());
        }
    }

    #[test]
    fn a_second_admin_must_agree_where_four_eyes_are_asked_for() {
        let admin = |n| Account::from_bytes([n; 32]);
        let (refund, release) = (DisputeResolution::RefundBuyer, DisputeResolution::ReleaseToSeller);
        let mut dispute = Dispute::raised(None, None, String::new(), Timestamp(0));
        assert_eq!(dispute.verdict(refund, admin(1), false), Verdict::Decided(vec![admin(1)]));
        assert_eq!(dispute.verdict(refund, admin(1), true), Verdict::Proposed);
        let proposal =
            Proposal { resolution: refund, reason: "It broke.".parse().unwrap(), by: admin(1), at: Timestamp(1) };
        dispute.proposal = Some(proposal.clone());
        assert_eq!(dispute.verdict(refund, admin(1), true), Verdict::Known);
        assert_eq!(dispute.verdict(release, admin(1), true), Verdict::Proposed, "an own proposal can be changed");
        assert_eq!(dispute.verdict(refund, admin(2), true), Verdict::Decided(vec![admin(1), admin(2)]));
        assert_eq!(dispute.verdict(release, admin(2), true), Verdict::Differs(proposal));
    }

    #[test]
    fn the_ends_are_all_or_nothing_even_below_the_least_payout() {
        let all = |resolution: DisputeResolution| resolution.payable_shillings(Kes(5)).unwrap();
        assert_eq!(all(DisputeResolution::RefundBuyer), Split { buyer: Kes(5), seller: Kes(0) });
        assert_eq!(all(DisputeResolution::ReleaseToSeller), Split { buyer: Kes(0), seller: Kes(5) });
    }

    #[test]
    fn more_than_the_whole_is_no_share() {
        assert_eq!(Bps::try_from(10_000).map(Bps::get), Ok(10_000));
        assert_eq!(Bps::try_from(10_001), Err(InvalidBps));
        assert!(
            serde_json::from_value::<DisputeResolution>(serde_json::json!({"kind": "split", "seller_bps": 10_001}))
                .is_err()
        );
    }
}
