use alloy_dyn_abi::DynSolValue as V;
use alloy_primitives::keccak256;
use descrow_domain::Account;
use proptest::prelude::*;

use super::*;
use crate::{OffchainPayment, Resolution};

fn abi() -> SolidityAbi {
    SolidityAbi::reference().unwrap()
}

fn uint(value: u128, bits: usize) -> V {
    V::Uint(U256::from(value), bits)
}

fn id(order: [u8; 32]) -> V {
    V::Uint(U256::from_be_bytes(order), 256)
}

fn word(bytes: [u8; 32]) -> V {
    V::FixedBytes(bytes.into(), 32)
}

fn party(account: [u8; 32]) -> V {
    V::Address(Address::of(&Account::from_bytes(account)).0.into())
}

/// A log as a chain would hold it: indexed values as topics, the others as data.
fn log(abi: &SolidityAbi, name: &str, values: &[V]) -> (Vec<[u8; 32]>, Vec<u8>) {
    let event = &abi.abi.event(name).unwrap()[0];
    let mut topics = vec![event.selector().0];
    let mut plain = Vec::new();
    for (input, value) in event.inputs.iter().zip(values) {
        if input.indexed { topics.push(value.as_word().unwrap().0) } else { plain.push(value.clone()) }
    }
    (topics, V::Tuple(plain).abi_encode_params())
}

proptest! {
    #[test]
    fn every_message_carries_its_values(
        order: [u8; 32], other: [u8; 32], buyer: [u8; 32], seller: [u8; 32], hash: [u8; 32], amount: u128, bps: u16,
        cid in "[a-zA-Z0-9]{0,128}",
    ) {
        let abi = abi();
        let (reference, account) = (OrderRef(order), Account::from_bytes);
        let text = || V::String(cid.clone());
        let payment = |order| OffchainPayment { order: OrderRef(order), payment: hash };
        let cases = [
            (
                EscrowCall::CreateOrder {
                    order: reference, buyer: account(buyer), seller: account(seller), amount: Planck(amount), metadata_cid: cid.clone(),
                },
                vec![word(order), party(buyer), party(seller), uint(amount, 128), text()],
            ),
            (EscrowCall::Fund { order: reference, amount: Planck(amount) }, vec![id(order)]),
            (EscrowCall::RecordPayment(payment(order)), vec![id(order), word(hash)]),
            (
                EscrowCall::RecordPayments(vec![payment(order), payment(other)]),
                vec![V::Array(vec![V::Tuple(vec![id(order), word(hash)]), V::Tuple(vec![id(other), word(hash)])])],
            ),
            (EscrowCall::MarkShipped { order: reference, tracking_cid: cid.clone() }, vec![id(order), text()]),
            (EscrowCall::ConfirmDelivery { order: reference }, vec![id(order)]),
            (EscrowCall::RaiseDispute { order: reference, evidence_cid: cid.clone() }, vec![id(order), text()]),
            (
                EscrowCall::ResolveDispute { order: reference, resolution: Resolution::Split { seller_bps: bps } },
                vec![id(order), V::Tuple(vec![uint(2, 8), uint(bps.into(), 16)])],
            ),
            (EscrowCall::Cancel { order: reference }, vec![id(order)]),
        ];
        for (call, expected) in cases {
            let bytes = abi.encode(&call).unwrap();
            let message = abi.message(call.message()).unwrap();
            prop_assert!(bytes.starts_with(message.selector().as_slice()));
            prop_assert_eq!(message.abi_decode_input(&bytes[4..]).unwrap(), expected, "{}", call.message());
        }
    }

    #[test]
    fn every_event_reads_back(
        order: [u8; 32], hash: [u8; 32], buyer: [u8; 20], seller: [u8; 20], amount: u128, share: u128, held: bool,
        cid in "\\PC{0,60}",
    ) {
        let abi = abi();
        let (reference, address) = (OrderRef(order), |bytes: [u8; 20]| V::Address(bytes.into()));
        let text = || V::String(cid.clone());
        let wrong_status = keccak256("WrongStatus(uint256,uint8)");
        let mut selector = [0; 32];
        selector[..4].copy_from_slice(&wrong_status[..4]);
        let cases = [
            (
                vec![id(order), address(buyer), address(seller), uint(amount, 128), text()],
                EscrowEvent::OrderCreated {
                    order: reference, buyer: Address(buyer), seller: Address(seller), amount: Planck(amount), metadata_cid: cid.clone(),
                },
            ),
            (
                vec![id(order), uint(amount, 128), V::Bool(held), word(hash)],
                EscrowEvent::OrderFunded {
                    order: reference, amount: Planck(amount), held, payment: Some(hash).filter(|h| *h != [0; 32]),
                },
            ),
            (
                vec![id(order), uint(amount, 128), V::Bool(true), word([0; 32])],
                EscrowEvent::OrderFunded { order: reference, amount: Planck(amount), held: true, payment: None },
            ),
            (vec![id(order), text()], EscrowEvent::OrderShipped { order: reference, tracking_cid: cid.clone() }),
            (vec![id(order)], EscrowEvent::OrderDelivered { order: reference }),
            (vec![id(order), uint(amount, 128)], EscrowEvent::OrderCompleted { order: reference, paid: Planck(amount) }),
            (
                vec![id(order), address(buyer), text()],
                EscrowEvent::DisputeRaised { order: reference, by: Address(buyer), evidence_cid: cid.clone() },
            ),
            (
                vec![id(order), uint(2, 8), uint(amount, 128), uint(share, 128)],
                EscrowEvent::DisputeResolved { order: reference, to_buyer: Planck(amount), to_seller: Planck(share) },
            ),
            (vec![id(order), uint(amount, 128)], EscrowEvent::OrderCancelled { order: reference, refunded: Planck(amount) }),
            (
                vec![id(order), word(hash), V::FixedBytes(selector.into(), 4)],
                EscrowEvent::PaymentRefused { order: reference, payment: hash, reason: "WrongStatus".into() },
            ),
        ];
        for (values, expected) in cases {
            let (topics, data) = log(&abi, expected.name(), &values);
            prop_assert_eq!(expected.order(), reference);
            prop_assert_eq!(abi.decode_event(&topics, &data), Ok(Some(expected)));
        }
    }

    /// A wallet may say anything: what stands in an event must stop nobody who reads it.
    #[test]
    fn bytes_that_are_no_text_are_read_as_what_of_them_is(order: [u8; 32], by: [u8; 20], bytes in prop::collection::vec(any::<u8>(), 0..128)) {
        let abi = abi();
        let (topics, data) = log(&abi, "DisputeRaised", &[id(order), V::Address(by.into()), V::Bytes(bytes.clone())]);
        let evidence_cid = String::from_utf8_lossy(&bytes).into_owned();
        let expected = EscrowEvent::DisputeRaised { order: OrderRef(order), by: Address(by), evidence_cid };
        prop_assert_eq!(abi.decode_event(&topics, &data), Ok(Some(expected)));
    }

    #[test]
    fn an_order_reads_back(
        buyer: [u8; 20], seller: [u8; 20], amount: u128, hash: [u8; 32], held: bool, status in 0_u8..9, cid in "\\PC{0,60}",
    ) {
        let abi = abi();
        let order = V::Tuple(vec![
            V::Address(buyer.into()), uint(status.into(), 8), V::Bool(held), V::Address(seller.into()), uint(amount, 128),
            word(hash), V::String(cid.clone()), V::String("tracking".into()), V::String(String::new()),
        ]);
        let data = abi.message(GET_ORDER).unwrap().abi_encode_output(&[order]).unwrap();
        prop_assert_eq!(abi.decode_order(&data), Ok(OrderState {
            status: ContractStatus::ALL[usize::from(status)],
            buyer: Address(buyer),
            seller: Address(seller),
            amount: Planck(amount),
            held,
            payment: Some(hash).filter(|h| *h != [0; 32]),
            metadata_cid: cid,
            tracking_cid: "tracking".into(),
            evidence_cid: String::new(),
        }));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(topics: Vec<[u8; 32]>, data: Vec<u8>, known in 0_usize..9) {
        let abi = abi();
        let _ = abi.decode_event(&topics, &data);
        let _ = abi.decode_order(&data);
        let _ = abi.decode_refusal(&data);
        let real = abi.abi.event(EVENTS[known]).unwrap()[0].selector().0;
        let _ = abi.decode_event(&[&[real], topics.as_slice()].concat(), &data);
    }
}

#[test]
fn a_refusal_has_the_contracts_own_name_and_arguments() {
    let abi = abi();
    let mut data = keccak256("WrongStatus(uint256,uint8)")[..4].to_vec();
    data.extend_from_slice(&[0xab; 32]);
    data.extend_from_slice(&uint(2, 8).abi_encode());
    let refusal = abi.decode_refusal(&data);
    assert_eq!(refusal.to_string(), format!("WrongStatus(orderId: 0x{}, status: 2)", "ab".repeat(32)));
    let text = [REVERT_STRING.as_slice(), &V::String("no".into()).abi_encode()].concat();
    assert_eq!(abi.decode_refusal(&text), Refusal { name: "Error".into(), detail: "no".into() });
    let panic = [PANIC.as_slice(), &uint(0x11, 256).abi_encode()].concat();
    assert_eq!(abi.decode_refusal(&panic), Refusal { name: "Panic".into(), detail: "0x11".into() });
    assert_eq!(abi.decode_refusal(&[1, 2, 3, 4, 5]), Refusal { name: "0x01020304".into(), detail: String::new() });
    assert_eq!(abi.decode_refusal(&[]), Refusal { name: "Reverted".into(), detail: String::new() });
}

#[test]
fn an_unknown_event_is_skipped() {
    let abi = abi();
    let role_granted = &abi.abi.event("RoleGranted").unwrap()[0];
    assert_eq!(abi.decode_event(&[role_granted.selector().0, [0; 32], [0; 32], [0; 32]], &[]), Ok(None));
    assert_eq!(abi.decode_event(&[[9; 32]], &[]), Ok(None));
    assert_eq!(abi.decode_event(&[], &[]), Ok(None));
}

/// The reference ABI as JSON, changed.
fn changed(change: impl Fn(&mut serde_json::Value)) -> Result<SolidityAbi, AbiError> {
    let mut artifact: serde_json::Value = serde_json::from_str(escrow_contract::ARTIFACT).unwrap();
    change(artifact["abi"].as_array_mut().unwrap().iter_mut().find(|item| item["name"] == "fund").unwrap());
    let message =
        artifact["abi"].as_array_mut().unwrap().iter_mut().find(|i| i["name"] == "recordOffchainPayment").unwrap();
    message["inputs"].as_array_mut().unwrap().reverse();
    SolidityAbi::from_json(&artifact["abi"].to_string())
}

#[test]
fn parameters_are_found_by_name_and_not_by_place() {
    let abi = changed(|_| ()).unwrap();
    let call = EscrowCall::RecordPayment(OffchainPayment { order: OrderRef([1; 32]), payment: [2; 32] });
    let bytes = abi.encode(&call).unwrap();
    assert_eq!(bytes[..4], keccak256("recordOffchainPayment(bytes32,uint256)")[..4]);
    assert_eq!(bytes[4..], [[2; 32], [1; 32]].concat());
}

#[test]
fn a_contract_that_does_not_fit_is_refused() {
    let call = EscrowCall::Fund { order: OrderRef([1; 32]), amount: Planck(1) };
    assert_eq!(changed(|fund| fund["name"] = "pay".into()).unwrap_err(), AbiError::Lacks("one message fund".into()));
    let narrow = changed(|fund| fund["inputs"][0]["type"] = "uint64".into()).unwrap();
    assert_eq!(narrow.encode(&call).unwrap_err(), AbiError::Mismatch("parameter uint64 orderId".into()));
    let renamed = changed(|fund| fund["inputs"][0]["name"] = "which".into()).unwrap();
    assert_eq!(renamed.encode(&call).unwrap_err(), AbiError::Mismatch("parameter uint256 which".into()));
    assert!(matches!(SolidityAbi::from_json("{}"), Err(AbiError::Unreadable(_))));
}
