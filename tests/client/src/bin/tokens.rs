//! `tokens STACK_JSON`: signs in one new user of each role, and prints their access tokens, ids of theirs, and the CID of a
//! picture, as JSON.
//!
//! `cargo xtask schemathesis` runs it. `leaver` is one more buyer, whose session may be ended.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use serde_json::json;
use stack_client::{
    api::{Api, text_at},
    market::Offer,
    session::{Registration, Session},
    stack::Stack,
    wallet::Wallet,
};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: tokens STACK_JSON");
        return ExitCode::from(2);
    };
    match tokens(Path::new(&file)).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn tokens(file: &Path) -> Outcome<String> {
    let stack = Stack::read(file)?;
    let api = Api::new(&stack.api_url)?;
    let admin = Wallet::from_uri(&stack.account("admin")?.secret_uri)?;
    let mut people = BTreeMap::new();
    for name in ["buyer", "seller", "leaver"] {
        let role = if name == "seller" { "seller" } else { "buyer" };
        people.insert(name, sign_in(&api, &stranger()?, role).await?);
    }
    // The template names this account as an admin, whatever role it asks for.
    people.insert("admin", sign_in(&api, &admin, "buyer").await?);
    // Something to ask for: a product of somebody's, and an order of it by the seller, in whose name most is asked.
    let merchant = sign_in(&api, &stranger()?, "seller").await?;
    let offer = Offer { title: "A kettle", price_dot: "0.5", price_usd: "2.00", quantity: 100_000 };
    let product = merchant.offer(offer, &[]).await?;
    let seller = people.get("seller").ok_or("no seller")?;
    let order = text_at(&seller.order(&product, "254708374149").await?, "/id", "/api/orders")?;
    let picture = merchant.upload_picture().await?;
    let tokens: BTreeMap<_, _> = people.iter().map(|(name, session)| (*name, session.token())).collect();
    Ok(json!({ "tokens": tokens, "ids": [product, order], "pictures": [picture] }).to_string())
}

/// Somebody who was never here before.
fn stranger() -> Outcome<Wallet> {
    Ok(Wallet::from_uri(&format!("//{}", Uuid::new_v4().simple().to_string().split_at(16).0))?)
}

async fn sign_in(api: &Api, wallet: &Wallet, role: &str) -> Outcome<Session> {
    let phone = format!("2547{:08}", Uuid::new_v4().as_u128() % 100_000_000);
    let registration = Registration { role, phone: &phone, display_name: "Fuzzer" };
    Ok(Session::open(api, wallet, registration).await?)
}
