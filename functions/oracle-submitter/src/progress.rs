//! How far the contract is with what a command wants. Pure.

use descrow_chain::{Address, OrderState, event::ContractStatus};
use descrow_domain::command::{Command, CommandKind};

use crate::call::hash;

/// How far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It happened already.
    Done,
    /// It may happen now, or never: a dry-run tells.
    Ready,
    /// Something must happen first.
    Early,
}

/// How far the contract is with `command`, given the order as it has it.
pub fn progress(command: &Command, state: &OrderState) -> Progress {
    use ContractStatus as S;
    let (done, early) = match command {
        Command::CreateOrder { buyer, seller, amount, metadata_cid } => {
            let same = state.buyer == Address::of(buyer)
                && state.seller == Address::of(seller)
                && state.amount == *amount
                && state.metadata_cid == *metadata_cid;
            (state.status != S::None && same, false)
        }
        Command::RecordPayment { tx_hash, .. } => {
            let recorded = state.payment.is_some() && state.payment == hash(tx_hash);
            (recorded, state.status == S::None)
        }
        Command::MarkShipped { .. } => {
            let done = matches!(state.status, S::Shipped | S::Delivered | S::Completed);
            (done, matches!(state.status, S::None | S::Created))
        }
        Command::ConfirmDelivery => {
            let done = matches!(state.status, S::Delivered | S::Completed);
            (done, matches!(state.status, S::None | S::Created | S::Funded))
        }
        Command::Cancel => (state.status == S::Cancelled, state.status == S::None),
        Command::RaiseDispute { .. } => {
            (matches!(state.status, S::Disputed | S::Resolved), matches!(state.status, S::None | S::Created))
        }
        Command::ResolveDispute { .. } => {
            let early = matches!(state.status, S::None | S::Created | S::Funded | S::Shipped | S::Delivered);
            (state.status == S::Resolved, early)
        }
    };
    match (done, early) {
        (true, _) => Progress::Done,
        (false, true) => Progress::Early,
        (false, false) => Progress::Ready,
    }
}

/// The command that must come first, where we have one.
pub fn before(command: &Command) -> Option<CommandKind> {
    match command {
        Command::CreateOrder { .. } => None,
        Command::RecordPayment { .. } | Command::Cancel => Some(CommandKind::CreateOrder),
        Command::MarkShipped { .. } | Command::RaiseDispute { .. } => Some(CommandKind::RecordPayment),
        Command::ConfirmDelivery => Some(CommandKind::MarkShipped),
        Command::ResolveDispute { .. } => Some(CommandKind::RaiseDispute),
    }
}

#[cfg(test)]
mod tests {
    use descrow_domain::{Account, PaymentId, Planck, dispute::DisputeResolution};

    use super::*;

    fn state(status: ContractStatus) -> OrderState {
        OrderState {
            status,
            buyer: Address::of(&Account::from_bytes([1; 32])),
            seller: Address::of(&Account::from_bytes([2; 32])),
            amount: Planck(5),
            held: false,
            payment: None,
            metadata_cid: "bafy".into(),
            tracking_cid: String::new(),
            evidence_cid: String::new(),
        }
    }

    /// One row a status, in the order of [`ContractStatus::ALL`]; one column a command.
    #[test]
    fn progress_follows_the_contracts_status() {
        use Progress::{Done as D, Early as E, Ready as R};
        let create = Command::CreateOrder {
            buyer: Account::from_bytes([1; 32]),
            seller: Account::from_bytes([2; 32]),
            amount: Planck(5),
            metadata_cid: "bafy".into(),
        };
        let tx_hash = format!("0x{}", "07".repeat(32));
        let record = Command::RecordPayment { payment_id: PaymentId::new(), tx_hash };
        let ship = Command::MarkShipped { tracking_cid: "bafy".into() };
        let dispute = Command::RaiseDispute { evidence_cid: String::new() };
        let resolve = Command::ResolveDispute { resolution: DisputeResolution::RefundBuyer };
        let commands = [create, record, ship, Command::ConfirmDelivery, Command::Cancel, dispute, resolve];
        let expected = [
            [R, E, E, E, E, E, E],
            [D, R, E, E, R, E, E],
            [D, R, R, E, R, R, E],
            [D, R, D, R, R, R, E],
            [D, R, D, D, R, R, E],
            [D, R, D, D, R, R, R],
            [D, R, R, R, R, D, R],
            [D, R, R, R, R, D, D],
            [D, R, R, R, D, R, R],
        ];
        for (status, row) in ContractStatus::ALL.into_iter().zip(expected) {
            let state = state(status);
            assert_eq!(commands.each_ref().map(|command| progress(command, &state)), row, "{status:?}");
        }
    }

    #[test]
    fn a_payment_is_done_when_it_is_the_one_on_the_contract() {
        let command = |byte: &str| Command::RecordPayment {
            payment_id: PaymentId::new(),
            tx_hash: format!("0x{}", byte.repeat(32)),
        };
        let state = OrderState { payment: Some([7; 32]), ..state(ContractStatus::Shipped) };
        assert_eq!(progress(&command("07"), &state), Progress::Done);
        assert_eq!(progress(&command("08"), &state), Progress::Ready);
    }

    #[test]
    fn another_order_under_the_same_reference_is_not_ours() {
        let create = Command::CreateOrder {
            buyer: Account::from_bytes([1; 32]),
            seller: Account::from_bytes([2; 32]),
            amount: Planck(6),
            metadata_cid: "bafy".into(),
        };
        assert_eq!(progress(&create, &state(ContractStatus::Created)), Progress::Ready);
    }
}
