//! `tokens STACK_JSON`: signs in one new user of each role, and prints their access tokens as a JSON object.
//!
//! `cargo xtask schemathesis` runs it. `leaver` is one more buyer, whose session may be ended.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use stack_client::{
    api::Api,
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
    let mut tokens = BTreeMap::new();
    for name in ["buyer", "seller", "leaver"] {
        let wallet = Wallet::from_uri(&format!("//{}", Uuid::new_v4().simple().to_string().split_at(16).0))?;
        let role = if name == "seller" { "seller" } else { "buyer" };
        tokens.insert(name, sign_in(&api, &wallet, role).await?);
    }
    // The template names this account as an admin, whatever role it asks for.
    tokens.insert("admin", sign_in(&api, &admin, "buyer").await?);
    Ok(serde_json::to_string(&tokens)?)
}

async fn sign_in(api: &Api, wallet: &Wallet, role: &str) -> Outcome<String> {
    let phone = format!("2547{:08}", Uuid::new_v4().as_u128() % 100_000_000);
    let registration = Registration { role, phone: &phone, display_name: "Fuzzer" };
    Ok(Session::open(api, wallet, registration).await?.token().to_owned())
}
