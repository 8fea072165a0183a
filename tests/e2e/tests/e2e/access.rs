//! Who may do what: people by their tokens, functions by their roles.

use e2e::{Outcome, lab::Lab, token::an_hour_old};
use reqwest::Method;
use serde_json::json;
use stack_client::{
    session::Session,
    socket::{Socket, SocketError, text},
};

use crate::CALM;

/// Every route of one order.
fn routes(order: &str) -> [(Method, String); 4] {
    let path = format!("/api/orders/{order}");
    [
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/pay/mpesa")),
        (Method::POST, format!("{path}/ship")),
        (Method::POST, format!("{path}/confirm")),
    ]
}

/// The status and code of each route of an order for `session`.
async fn answers(lab: &Lab, session: Option<&Session>, order: &str) -> Outcome<Vec<(u16, String)>> {
    let mut answers = Vec::new();
    for (method, path) in routes(order) {
        let mut call = lab.api.call(method.clone(), &path);
        if method == Method::POST {
            let body =
                if path.ends_with("/ship") { json!({ "carrier": "X", "trackingNumber": "1" }) } else { json!({}) };
            call = call.json(&body).header("Idempotency-Key", &format!("{}", uuid::Uuid::new_v4()));
        }
        if let Some(session) = session {
            call = call.token(session.token());
        }
        let (status, body) = call.answer().await?;
        answers.push((status.as_u16(), text(&body, "/code").to_owned()));
    }
    Ok(answers)
}

#[tokio::test]
async fn to_a_stranger_no_order_exists() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    for role in ["buyer", "seller"] {
        let stranger = lab.user(role).await?;
        let there = answers(&lab, Some(&stranger.session), &trade.order).await?;
        let nowhere = answers(&lab, Some(&stranger.session), &uuid::Uuid::now_v7().to_string()).await?;
        assert_eq!(there, vec![(404, "not_found".to_owned()); 4], "{role}");
        assert_eq!(there, nowhere, "{role}");
    }
    assert_eq!(trade.status().await?, "created");
    Ok(())
}

#[tokio::test]
async fn without_a_token_or_with_one_that_is_over_nothing_is_answered() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let statuses = |answers: Vec<(u16, String)>| answers.into_iter().map(|(status, _)| status).collect::<Vec<_>>();
    assert_eq!(statuses(answers(&lab, None, &trade.order).await?), [401; 4]);
    let configuration = lab.aws.configuration(lab.stack.functions.get("auth").ok_or("no auth")?).await?;
    let secret = text(&configuration, "/Environment/Variables/JWT_SECRET");
    let expired = an_hour_old(trade.buyer.session.token(), secret)?;
    let expired = trade.buyer.session.with_token(&expired);
    assert_eq!(answers(&lab, Some(&expired), &trade.order).await?, vec![(401, "token_expired".to_owned()); 4]);
    let garbled = trade.buyer.session.with_token(&format!("{}x", trade.buyer.session.token()));
    assert_eq!(statuses(answers(&lab, Some(&garbled), &trade.order).await?), [401; 4]);
    Ok(())
}

#[tokio::test]
async fn a_party_cannot_do_the_other_party_s_part() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let trade = lab.trade().await?;
    let refusal = |error: &stack_client::api::ApiError| error.refusal().map(|(status, _)| status);
    let paid = trade.seller.session.pay_by_mpesa(&trade.order).await;
    let shipped = trade.buyer.session.ship(&trade.order).await;
    let confirmed = trade.seller.session.confirm(&trade.order).await;
    for result in [paid, shipped, confirmed] {
        assert_eq!(result.as_ref().err().and_then(refusal), Some(403), "{result:?}");
    }
    let early = trade.seller.session.ship(&trade.order).await;
    assert_eq!(early.as_ref().err().and_then(refusal), Some(409), "{early:?}");
    Ok(())
}

#[tokio::test]
async fn a_ticket_opens_one_websocket_and_no_ticket_none() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let user = lab.user("buyer").await?;
    let ticket = user.session.post("/api/realtime/ticket", &json!({})).send().await?;
    let (url, ticket) = (text(&ticket, "/url"), text(&ticket, "/ticket"));
    let _open = Socket::connect(url, ticket, 0, Box::new(|_| {})).await?;
    for refused in [ticket, "", "0123456789abcdef0123456789abcdef"] {
        let second = Socket::connect(url, refused, 0, Box::new(|_| {})).await;
        assert!(matches!(second, Err(SocketError::Refused(_))), "{second:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_function_s_role_allows_what_it_does_and_nothing_else() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (region, account) = (&lab.stack.region, "000000000000");
    let table = |name: &str| format!("arn:aws:dynamodb:{region}:{account}:table/{}-{name}", lab.stack.stack_name);
    let queue = |name: &str| format!("arn:aws:sqs:{region}:{account}:{}-{name}", lab.stack.stack_name);
    let secret = format!("arn:aws:secretsmanager:{region}:{account}:secret:descrow/chain");
    for (function, action, resource, decision) in [
        ("mpesa-webhook", "sqs:SendMessage", queue("mpesa-callbacks"), "allowed"),
        ("mpesa-webhook", "sqs:SendMessage", queue("payouts.fifo"), "implicitDeny"),
        ("mpesa-webhook", "dynamodb:UpdateItem", table("mpesa_transactions"), "implicitDeny"),
        ("products", "dynamodb:PutItem", table("products"), "allowed"),
        ("products", "dynamodb:PutItem", table("orders"), "implicitDeny"),
        ("orders", "dynamodb:PutItem", table("ledger"), "implicitDeny"),
        ("notifier", "dynamodb:PutItem", table("notifications"), "allowed"),
        ("notifier", "dynamodb:UpdateItem", table("orders"), "implicitDeny"),
        ("rates-fetcher", "dynamodb:PutItem", table("rates"), "allowed"),
        ("rates", "dynamodb:PutItem", table("rates"), "implicitDeny"),
        ("oracle-submitter", "dynamodb:PutItem", table("ledger"), "implicitDeny"),
        ("payout-sender", "dynamodb:PutItem", table("chain_commands"), "implicitDeny"),
        ("notifier", "dynamodb:BatchGetItem", table("sessions"), "allowed"),
        ("notifier", "dynamodb:UpdateItem", table("sessions"), "implicitDeny"),
        ("realtime", "dynamodb:Query", table("messages"), "allowed"),
        ("realtime", "dynamodb:BatchGetItem", table("sessions"), "allowed"),
        ("realtime", "dynamodb:PutItem", table("sessions"), "implicitDeny"),
        ("realtime", "dynamodb:PutItem", table("messages"), "implicitDeny"),
        ("realtime", "dynamodb:GetItem", table("users"), "implicitDeny"),
        ("admin", "dynamodb:PutItem", table("audit"), "allowed"),
        ("admin", "dynamodb:UpdateItem", table("audit"), "implicitDeny"),
        ("admin", "dynamodb:DeleteItem", table("audit"), "implicitDeny"),
        ("orders", "dynamodb:Query", table("audit"), "implicitDeny"),
        ("mpesa", "sqs:SendMessage", queue("mpesa-callbacks"), "allowed"),
        ("mpesa", "dynamodb:PutItem", table("mpesa_transactions"), "implicitDeny"),
        ("notifications", "secretsmanager:GetSecretValue", secret, "implicitDeny"),
    ] {
        let configuration = lab.aws.configuration(lab.stack.functions.get(function).ok_or("no such function")?).await?;
        let found = lab.aws.decision(text(&configuration, "/Role"), action, &resource).await?;
        assert_eq!(found, decision, "{function}: {action} on {resource}");
    }
    Ok(())
}
