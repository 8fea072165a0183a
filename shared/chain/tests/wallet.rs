//! What a buyer signs in a wallet of its own, and what is told of it afterwards: `@polkadot/api` on a real chain.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod world;

use descrow_chain::{
    EscrowCall, Funding, FundingFailure, NothingToSign, OrderRef, Refusal, Unsigned,
    event::ContractStatus,
    polkadot_js::{Changed, PolkadotJs, Sent},
};
use descrow_domain::Planck;
use serde_json::{Value, json};
use world::{AMOUNT, World, deadline, key, new_order};

impl World {
    fn wallet(&self, secret: &str) -> PolkadotJs {
        PolkadotJs::new(&self.process.url, secret).unwrap()
    }

    async fn unsigned(&self, call: &EscrowCall, by: &descrow_chain::OracleSigner) -> Result<Unsigned, NothingToSign> {
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        let at = self.chain.at(head, deadline()).await.unwrap();
        self.contract.unsigned(&at, call, &by.account(), Some(&self.seller.account()), deadline()).await
    }

    /// The parts of `pay/dot`'s answer that a wallet needs.
    async fn answer(&self, unsigned: &Unsigned) -> Value {
        let head = self.chain.finalized_head(deadline()).await.unwrap();
        let runtime = self.chain.runtime(&self.chain.at(head, deadline()).await.unwrap()).unwrap();
        assert_eq!(runtime.spec_name, "revive-dev-runtime");
        let data = |data: &[u8]| json!({"callData": format!("0x{}", hex::encode(data))});
        json!({
            "genesisHash": format!("0x{}", hex::encode(runtime.genesis)), "specVersion": runtime.spec_version,
            "call": data(&unsigned.message.data),
            "prerequisite": unsigned.prerequisite.as_ref().map(|call| data(&call.data)),
        })
    }

    async fn funding(&self, sent: &Sent, order: OrderRef) -> Funding {
        let hash = |text: &str| <[u8; 32]>::try_from(hex::decode(&text[2..]).unwrap()).unwrap();
        let (block, extrinsic) = (hash(&sent.block_hash), hash(&sent.extrinsic_hash));
        self.contract.funding(&self.chain, block, extrinsic, order, AMOUNT, deadline()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_signs_and_sends_the_call_as_it_is_and_the_contract_holds_the_price() {
    let world = World::new().await;
    let order = world.order_at(ContractStatus::Created, true).await;
    let fund = EscrowCall::Fund { order, amount: AMOUNT };
    let unsigned = world.unsigned(&fund, &world.buyer).await.unwrap();
    let message = &unsigned.message;
    assert_eq!((message.pallet.as_str(), message.call.as_str(), message.value), ("Revive", "call", AMOUNT));
    let limits = message.limits.unwrap();
    assert!(limits.weight.ref_time > 0 && limits.weight.proof_size > 0, "{limits:?}");
    assert_eq!(unsigned.prerequisite, None);
    let before = world.free(&world.buyer).await;
    let sent = world.wallet("//Bob").pay(&world.answer(&unsigned).await, Changed::default()).await.unwrap();
    assert_eq!(sent.error, None);
    assert_eq!(world.funding(&sent, order).await, Funding::Paid);
    assert_eq!(world.status(order).await, ContractStatus::Funded);
    assert!(world.free(&world.buyer).await < before - AMOUNT.0);
    // The same extrinsic pays no other order, and is in no other block.
    assert_eq!(world.funding(&sent, new_order()).await, Funding::Failed(FundingFailure::AnotherCall));
    let genesis = format!("0x{}", hex::encode(world.chain.genesis()));
    for elsewhere in [genesis.as_str(), &format!("0x{}", "ab".repeat(32))] {
        let elsewhere = Sent { block_hash: elsewhere.to_owned(), ..sent.clone() };
        assert_eq!(world.funding(&elsewhere, order).await, Funding::Unseen);
    }
    // A second payment finds the order funded.
    match world.unsigned(&fund, &world.buyer).await {
        Err(NothingToSign::Refused(refusal)) => assert_eq!(refusal.name, "WrongStatus"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_pay_the_price_is_refused_and_told() {
    let world = World::new().await;
    let order = world.order_at(ContractStatus::Created, true).await;
    let fund = EscrowCall::Fund { order, amount: AMOUNT };
    let answer = world.answer(&world.unsigned(&fund, &world.buyer).await.unwrap()).await;
    let wallet = world.wallet("//Bob");
    let reverted = Some("revive.ContractReverted".to_owned());
    let with = |planck| Changed { value: Some(Planck(planck)), ..Changed::default() };
    let (less, more) = (Planck(AMOUNT.0 - 1), Planck(AMOUNT.0 + 1));
    for (changed, failure) in [
        (with(less.0), FundingFailure::Underpaid { sent: less }),
        (with(more.0), FundingFailure::Overpaid { sent: more }),
    ] {
        let sent = wallet.pay(&answer, changed).await.unwrap();
        assert_eq!(sent.error, reverted);
        assert_eq!(world.funding(&sent, order).await, Funding::Failed(failure));
    }
    let hurried = Changed { weight: Some(1_000_000), ..Changed::default() };
    let sent = wallet.pay(&answer, hurried).await.unwrap();
    assert_eq!(world.funding(&sent, order).await, Funding::Failed(FundingFailure::OutOfGas), "{sent:?}");
    // Somebody else's money is not taken, and a gift is no payment.
    let sent = world.wallet("//Dave").pay(&answer, Changed::default()).await.unwrap();
    assert_eq!(sent.error, reverted);
    match world.funding(&sent, order).await {
        Funding::Failed(FundingFailure::Refused(Refusal { name, .. })) => assert_eq!(name, "NotAllowed"),
        other => panic!("{other:?}"),
    }
    let gift = wallet.give(AMOUNT).await.unwrap();
    assert_eq!(world.funding(&gift, order).await, Funding::Failed(FundingFailure::AnotherCall));
    assert_eq!(world.status(order).await, ContractStatus::Created);
    let sent = wallet.pay(&answer, Changed::default()).await.unwrap();
    assert_eq!(world.funding(&sent, order).await, Funding::Paid);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_contracts_do_not_know_is_mapped_first() {
    let world = World::new().await;
    let order = world.order_at(ContractStatus::Created, true).await;
    let fund = EscrowCall::Fund { order, amount: AMOUNT };
    let wallet = world.wallet("//Bob");
    assert_eq!(wallet.unmap().await.unwrap().error, None);
    let unsigned = world.unsigned(&fund, &world.buyer).await.unwrap();
    let first = unsigned.prerequisite.clone().unwrap();
    assert_eq!((first.pallet.as_str(), first.call.as_str(), first.limits), ("Revive", "batch_map_accounts", None));
    let answer = world.answer(&unsigned).await;
    let alone =
        json!({"genesisHash": answer["genesisHash"], "specVersion": answer["specVersion"], "call": answer["call"]});
    let sent = wallet.pay(&alone, Changed::default()).await.unwrap();
    assert_eq!(sent.error.as_deref(), Some("revive.AccountUnmapped"));
    let unknown = FundingFailure::NotExecuted("Revive.AccountUnmapped".to_owned());
    assert_eq!(world.funding(&sent, order).await, Funding::Failed(unknown));
    let sent = wallet.pay(&answer, Changed::default()).await.unwrap();
    assert_eq!((sent.error.as_deref(), world.funding(&sent, order).await), (None, Funding::Paid));
    assert_eq!(world.unsigned(&EscrowCall::Cancel { order }, &world.seller).await.unwrap().prerequisite, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_out_while_contracts_do_not_know_who_is_paid_in_the_end() {
    let mut world = World::new().await;
    world.seller = key("Newcomer");
    let order = world.order_at(ContractStatus::Created, true).await;
    let fund = |order| EscrowCall::Fund { order, amount: AMOUNT };
    // The buyer is told before it fetches money that would not help.
    for buyer in [&world.buyer, &key("Nobody")] {
        match world.unsigned(&fund(order), buyer).await {
            Err(NothingToSign::UnknownPayee(payee)) => assert_eq!(payee, world.seller.account()),
            other => panic!("{other:?}"),
        }
    }
    // What the contract says comes first.
    match world.unsigned(&fund(new_order()), &world.buyer).await {
        Err(NothingToSign::Refused(refusal)) => assert_eq!(refusal.name, "UnknownOrder"),
        other => panic!("{other:?}"),
    }
    let head = world.chain.finalized_head(deadline()).await.unwrap();
    let at = world.chain.at(head, deadline()).await.unwrap();
    assert!(world.contract.unsigned(&at, &fund(order), &world.buyer.account(), None, deadline()).await.is_ok());
    // An account that gets funds is on the chain, and this chain maps whoever comes onto it.
    assert_eq!(world.wallet("//Newcomer").give(Planck(10_000_000_000_000)).await.unwrap().error, None);
    assert!(world.unsigned(&fund(order), &world.buyer).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_out_that_would_fail() {
    let world = World::new().await;
    let fund = |order| EscrowCall::Fund { order, amount: AMOUNT };
    match world.unsigned(&fund(new_order()), &world.buyer).await {
        Err(NothingToSign::Refused(refusal)) => assert_eq!(refusal.name, "UnknownOrder"),
        other => panic!("{other:?}"),
    }
    let order = world.order_at(ContractStatus::Created, true).await;
    match world.unsigned(&fund(order), &key("Nobody")).await {
        Err(NothingToSign::TooLittle { free, needed }) => assert_eq!((free, needed), (Planck(0), AMOUNT)),
        other => panic!("{other:?}"),
    }
}
