//! Orders paid in DOT, from a wallet of polkadot.js that signs what the API answers.

use std::time::Instant;

use descrow_chain::{
    Chain, DryRunError, EscrowCall, EscrowContract, OracleSigner, OrderRef, Submission,
    polkadot_js::{Changed, PolkadotJs, Sent},
    solidity::SolidityAbi,
};
use descrow_domain::{Account, Planck, payment::PaymentKind};
use descrow_platform::{Deadline, Secret};
use e2e::{
    Outcome,
    lab::{Lab, PATIENCE, Trade},
};
use serde_json::{Value, json};
use stack_client::socket::text;
use uuid::Uuid;

use crate::CALM;

/// What a buyer here gets from //Eve: the price and its fees.
const PURSE: Planck = Planck(10_000_000_000_000);

/// A trade in DOT whose buyer has a wallet with money.
struct Purchase {
    trade: Trade,
    wallet: PolkadotJs,
    price: Planck,
}

impl Purchase {
    async fn begin(lab: &Lab) -> Outcome<Self> {
        let trade = lab.trade_in_dot().await?;
        let order = trade.buyer.session.see_order(&trade.order).await?;
        let price = Planck::from_dot(text(&order, "/amountDot"))?;
        let wallet = PolkadotJs::new(&lab.stack.chain_url, &trade.buyer.secret)?;
        assert_eq!(wallet.give(PURSE).await?.error, None);
        // An account that is not on the chain yet is not mapped: what the contract paid would wait at its fallback account.
        let sellers = PolkadotJs::new(&lab.stack.chain_url, &trade.seller.secret)?;
        assert_eq!(sellers.give(PURSE).await?.error, None);
        Ok(Self { trade, wallet, price })
    }

    /// The call to sign, once the order is on the chain.
    async fn call(&self) -> Outcome<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.post(&json!({})).await {
                Err(error) if error.refusal() == Some((409, "order_not_on_chain")) && Instant::now() < end => {
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
                answer => return Ok(answer?),
            }
        }
    }

    async fn report(&self, sent: &Sent) -> Outcome<Value> {
        Ok(self.post(&json!({"extrinsicHash": sent.extrinsic_hash, "blockHash": sent.block_hash})).await?)
    }

    async fn post(&self, body: &Value) -> Result<Value, stack_client::api::ApiError> {
        let path = format!("/api/orders/{}/pay/dot", self.trade.order);
        let call = self.trade.buyer.session.post(&path, body);
        call.header("Idempotency-Key", &Uuid::new_v4().to_string()).send().await
    }
}

/// What an account may spend on the chain now.
async fn free(lab: &Lab, account: &str) -> Outcome<u128> {
    let deadline = Deadline::after(PATIENCE);
    let chain = Chain::connect(&lab.stack.chain_url, deadline).await?;
    let at = chain.at(chain.finalized_head(deadline).await?, deadline).await?;
    Ok(at.free_balance(&account.parse::<Account>()?, deadline).await?.0)
}

#[tokio::test]
async fn an_order_paid_from_a_wallet_is_funded_by_the_chain_and_its_seller_paid_by_the_contract() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let purchase = Purchase::begin(&lab).await?;
    let Purchase { trade, wallet, price } = &purchase;
    let call = purchase.call().await?;
    assert_eq!(text(&call, "/contract"), lab.stack.contract_address.to_lowercase());
    assert_eq!((text(&call, "/call/value"), &call["prerequisite"]), (price.to_string().as_str(), &Value::Null));
    let sent = wallet.pay(&call, Changed::default()).await?;
    assert_eq!(sent.error, None);
    let report = purchase.report(&sent).await?;
    // The poller may have been faster.
    assert!(["included", "final"].contains(&text(&report, "/outcome")), "{report}");
    let funded = trade.funded().await?;
    let line = funded["history"].as_array().and_then(|lines| lines.last()).cloned().unwrap_or_default();
    assert_eq!((text(&line, "/status"), text(&line, "/extrinsic")), ("funded", sent.extrinsic_hash.as_str()));

    let before = free(&lab, trade.seller.session.account()).await?;
    lab.complete(trade).await?;
    assert_eq!(free(&lab, trade.seller.session.account()).await?, before + price.0);
    let book = lab.store.ledger().of_order(trade.order_id()?).await?;
    assert_eq!((book.len(), book.iter().map(|entry| entry.amount.0).sum::<i128>()), (4, 0), "{book:?}");
    assert_eq!(lab.store.payments().of_order(trade.order_id()?).await?, []);
    Ok(())
}

#[tokio::test]
async fn too_little_and_too_much_are_refused_by_the_contract_and_reported_and_the_order_can_be_given_up() -> Outcome<()>
{
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let purchase = Purchase::begin(&lab).await?;
    let Purchase { trade, wallet, price } = &purchase;
    for (planck, code) in [(price.0 - 1, "Underpaid"), (price.0 + 1, "Overpaid")] {
        let careless = Changed { value: Some(Planck(planck)), ..Changed::default() };
        let sent = wallet.pay(&purchase.call().await?, careless).await?;
        assert_eq!(sent.error.as_deref(), Some("revive.ContractReverted"));
        let report = purchase.report(&sent).await?;
        let told = (text(&report, "/outcome"), text(&report, "/failure/code"), text(&report, "/orderStatus"));
        assert_eq!(told, ("failed", code, "created"), "{report}");
        let order = trade.buyer.session.see_order(&trade.order).await?;
        assert_eq!((text(&order, "/status"), text(&order, "/dotPayment/failure")), ("created", code));
        assert_eq!(text(&order, "/dotPayment/extrinsicHash"), sent.extrinsic_hash);
    }
    let path = format!("/api/orders/{}/cancel", trade.order);
    trade.buyer.session.post(&path, &json!({})).header("Idempotency-Key", "changed-my-mind").send().await?;
    trade.buyer.socket.wait_for_status(&trade.order, "cancelled", PATIENCE).await?;
    let refused = purchase.call().await.err().ok_or("a cancelled order gives out no call")?.to_string();
    assert!(refused.contains("order_state"), "{refused}");
    Ok(())
}

/// Pays the trade from the buyer's wallet without asking the API: the contract takes DOT for any order that nobody has paid.
async fn fund_unasked(lab: &Lab, trade: &Trade, price: Planck) -> Outcome<()> {
    let deadline = Deadline::after(PATIENCE);
    let chain = Chain::connect(&lab.stack.chain_url, deadline).await?;
    let contract = EscrowContract::new(lab.stack.contract_address.parse()?, SolidityAbi::reference()?);
    let wallet = OracleSigner::from_secret(&Secret::new(trade.buyer.secret.clone()))?;
    let fund = EscrowCall::Fund { order: OrderRef::of(trade.order_id()?), amount: price };
    loop {
        let at = chain.at(chain.finalized_head(deadline).await?, deadline).await?;
        let dry_run = match contract.dry_run(&at, &fund, &wallet.account(), deadline).await {
            Err(DryRunError::Refused(_)) => {
                // The order is not on the chain yet.
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                continue;
            }
            other => other?,
        };
        let nonce = chain.next_nonce(&wallet.account(), deadline).await?;
        let signed = contract.sign(&at, &fund, &dry_run, &wallet, nonce, 64)?;
        assert_eq!(chain.submit(&signed.bytes, deadline).await?, Submission::Accepted);
        return Ok(());
    }
}

#[tokio::test]
async fn an_order_by_phone_that_a_wallet_pays_first_is_settled_in_dot_and_its_shillings_go_back_once() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    for user in [&trade.buyer, &trade.seller] {
        assert_eq!(PolkadotJs::new(&lab.stack.chain_url, &user.secret)?.give(PURSE).await?.error, None);
    }
    let order = trade.buyer.session.see_order(&trade.order).await?;
    let price = Planck::from_dot(text(&order, "/amountDot"))?;
    trade.buyer.session.pay_by_mpesa(&trade.order).await?;
    lab.sandbox.wait_for_prompt(&trade.buyer.phone, PATIENCE).await?;
    fund_unasked(&lab, &trade, price).await?;
    let funded = trade.funded().await?;
    assert_eq!((text(&funded, "/paymentMode"), text(&funded, "/fundedBy")), ("mpesa", "dot"));
    lab.sandbox.answer(&trade.buyer.phone, "pay").await?;
    assert_eq!(u64::from(lab.refunded(&trade).await?.amount_kes.0), trade.amount_kes);

    let before = free(&lab, trade.seller.session.account()).await?;
    lab.complete(&trade).await?;
    assert_eq!(free(&lab, trade.seller.session.account()).await?, before + price.0);
    let mut kinds: Vec<PaymentKind> =
        lab.store.payments().of_order(trade.order_id()?).await?.iter().map(|row| row.kind).collect();
    kinds.sort_by_key(|kind| *kind == PaymentKind::Refund);
    assert_eq!(kinds, [PaymentKind::Collection, PaymentKind::Refund]);
    let (to_seller, to_buyer) =
        (lab.sandbox.payouts(&trade.seller.phone).await?.len(), lab.sandbox.payouts(&trade.buyer.phone).await?.len());
    assert_eq!((to_seller, to_buyer), (0, 1));
    let ledger = lab.sandbox.ledger().await?;
    let moved = |what: &str| ledger.pointer(&format!("/phones/{}/{what}", trade.buyer.phone)).and_then(Value::as_u64);
    assert_eq!((moved("paid"), moved("received")), (Some(trade.amount_kes), Some(trade.amount_kes)));
    let book = lab.store.ledger().of_order(trade.order_id()?).await?;
    assert_eq!(book.iter().map(|entry| entry.amount.0).sum::<i128>(), 0, "{book:?}");
    Ok(())
}
