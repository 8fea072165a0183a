//! Orders paid in DOT, from a wallet of polkadot.js that signs what the API answers.

use std::time::Instant;

use descrow_chain::{
    Chain,
    polkadot_js::{Changed, PolkadotJs, Sent},
};
use descrow_domain::{Account, Planck};
use descrow_platform::Deadline;
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
