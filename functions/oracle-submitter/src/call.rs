//! A command as a message to the contract.

use descrow_chain::{EscrowCall, OffchainPayment, OrderRef, Resolution};
use descrow_domain::{
    command::{ChainCommand, Command},
    dispute::DisputeResolution,
};

/// The message that carries out `command`; `None` where its row holds a hash that is none.
pub fn message(command: &ChainCommand) -> Option<EscrowCall> {
    let order = OrderRef::of(command.order_id);
    Some(match &command.command {
        Command::CreateOrder { buyer, seller, amount, metadata_cid } => EscrowCall::CreateOrder {
            order,
            buyer: *buyer,
            seller: *seller,
            amount: *amount,
            metadata_cid: metadata_cid.clone(),
        },
        Command::RecordPayment { tx_hash, .. } => {
            EscrowCall::RecordPayment(OffchainPayment { order, payment: hash(tx_hash)? })
        }
        Command::MarkShipped { tracking_cid } => EscrowCall::MarkShipped { order, tracking_cid: tracking_cid.clone() },
        Command::ConfirmDelivery => EscrowCall::ConfirmDelivery { order },
        Command::Cancel => EscrowCall::Cancel { order },
        Command::RaiseDispute { evidence_cid } => {
            EscrowCall::RaiseDispute { order, evidence_cid: evidence_cid.clone() }
        }
        Command::ResolveDispute { resolution } => {
            EscrowCall::ResolveDispute { order, resolution: as_the_contract_has_it(*resolution) }
        }
    })
}

fn as_the_contract_has_it(resolution: DisputeResolution) -> Resolution {
    match resolution {
        DisputeResolution::RefundBuyer => Resolution::RefundBuyer,
        DisputeResolution::ReleaseToSeller => Resolution::ReleaseToSeller,
        DisputeResolution::Split { seller_bps } => Resolution::Split { seller_bps: seller_bps.get() },
    }
}

/// One message for the commands of one extrinsic.
pub fn together(messages: Vec<EscrowCall>) -> Option<EscrowCall> {
    let mut payments = Vec::with_capacity(messages.len());
    let several = messages.len() > 1;
    for message in messages {
        match message {
            EscrowCall::RecordPayment(payment) if several => payments.push(payment),
            // Nothing but payments has a message for many.
            _ if several => return None,
            alone => return Some(alone),
        }
    }
    (!payments.is_empty()).then_some(EscrowCall::RecordPayments(payments))
}

/// 32 bytes of 0x-hex.
pub fn hash(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use descrow_domain::{OrderId, PaymentId, Timestamp};

    use super::*;

    fn record(tx_hash: &str) -> ChainCommand {
        let command = Command::RecordPayment { payment_id: PaymentId::new(), tx_hash: tx_hash.into() };
        ChainCommand::new(OrderId::new(), command, Timestamp(0))
    }

    #[test]
    fn a_payment_is_recorded_under_its_hash() {
        let command = record(&format!("0x{}", "ab".repeat(32)));
        let payment = OffchainPayment { order: OrderRef::of(command.order_id), payment: [0xab; 32] };
        assert_eq!(message(&command), Some(EscrowCall::RecordPayment(payment)));
        for wrong in ["", "0x", "ab", &"ab".repeat(32), &format!("0x{}", "ab".repeat(33))] {
            assert_eq!(message(&record(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_cancellation_a_dispute_and_its_end_are_told_as_they_are() {
        let id = OrderId::new();
        let order = OrderRef::of(id);
        let told = |command| message(&ChainCommand::new(id, command, Timestamp(0)));
        assert_eq!(told(Command::Cancel), Some(EscrowCall::Cancel { order }));
        assert_eq!(
            told(Command::RaiseDispute { evidence_cid: "bafy".into() }),
            Some(EscrowCall::RaiseDispute { order, evidence_cid: "bafy".into() })
        );
        let split = DisputeResolution::Split { seller_bps: 2_500.try_into().unwrap() };
        for (ours, theirs) in [
            (DisputeResolution::RefundBuyer, Resolution::RefundBuyer),
            (DisputeResolution::ReleaseToSeller, Resolution::ReleaseToSeller),
            (split, Resolution::Split { seller_bps: 2_500 }),
        ] {
            let call = EscrowCall::ResolveDispute { order, resolution: theirs };
            assert_eq!(told(Command::ResolveDispute { resolution: ours }), Some(call));
        }
    }

    #[test]
    fn several_payments_become_one_message_and_one_stays_itself() {
        let order = OrderRef([1; 32]);
        let pay = |n| OffchainPayment { order, payment: [n; 32] };
        let one = EscrowCall::RecordPayment(pay(1));
        assert_eq!(together(vec![one.clone()]), Some(one.clone()));
        let two = vec![one, EscrowCall::RecordPayment(pay(2))];
        assert_eq!(together(two), Some(EscrowCall::RecordPayments(vec![pay(1), pay(2)])));
        assert_eq!(together(vec![]), None);
        let ship = EscrowCall::ConfirmDelivery { order };
        assert_eq!(together(vec![ship.clone(), ship]), None);
    }
}
