//! What admins do, and what follows from it outside: money, tokens, the log.

use std::time::{Duration, Instant};

use e2e::{
    Outcome,
    books::{Money, Story},
    lab::{Lab, PATIENCE},
};
use serde_json::{Value, json};
use stack_client::{session::Session, socket::text};

use crate::{CALM, kyc};

/// The shillings of a decision, at `pointer` in what an admin was answered.
fn share(answer: &Value, name: &str) -> Outcome<u64> {
    let share = answer.pointer("/dispute/decision").and_then(|decision| decision.get(name)).and_then(Value::as_u64);
    share.ok_or_else(|| format!("no {name} in {answer}").into())
}

/// What the log says of `subject`: who did what, newest first.
async fn log_of(admin: &Session, subject: &str) -> Outcome<Vec<(String, String)>> {
    let page = admin.get("/api/admin/audit?limit=100").send().await?;
    let items = page.get("items").and_then(Value::as_array).ok_or("no items")?;
    let ours = items.iter().filter(|entry| text(entry, "/subject") == subject);
    Ok(ours.map(|entry| (text(entry, "/action").to_owned(), text(entry, "/admin").to_owned())).collect())
}

#[tokio::test]
async fn a_dispute_that_two_admins_split_pays_both_sides_what_was_collected() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (one, two) = tokio::try_join!(lab.admin("admin"), lab.admin("second-admin"))?;
    let trade = lab.trade().await?;
    lab.pay(&trade).await?;
    trade.funded().await?;
    trade.seller.session.ship(&trade.order).await?;
    trade.buyer.socket.wait_for_status(&trade.order, "shipped", PATIENCE).await?;
    let raised =
        trade.buyer.session.post(&format!("/api/orders/{}/dispute", trade.order), &json!({ "reason": "It leaks." }));
    raised.header("Idempotency-Key", "leaks").send().await?;
    trade.seller.socket.wait_for_status(&trade.order, "disputed", PATIENCE).await?;

    let listed = one.get("/api/admin/disputes?limit=100").send().await?;
    let disputes = listed.get("items").and_then(Value::as_array).ok_or("no items")?;
    let ours = disputes.iter().find(|dispute| text(dispute, "/order/id") == trade.order).ok_or("it is not listed")?;
    assert_eq!(ours.get("needsTwoAdmins"), Some(&json!(true)), "{ours}");

    let path = format!("/api/admin/disputes/{}/resolve", trade.order);
    let body = json!({ "resolution": "split", "sellerBps": 2500, "reason": "It leaks a little." });
    let refused = trade.buyer.session.post(&path, &body).send().await.err().ok_or("a buyer decided")?;
    assert_eq!(refused.refusal(), Some((403, "wrong_role")));
    let proposed = one.post(&path, &body).send().await?;
    assert_eq!(text(&proposed, "/dispute/proposal/by"), one.account());
    assert_eq!(trade.status().await?, "disputed");
    let other = json!({ "resolution": "refund", "reason": "It leaks." });
    let differs = two.post(&path, &other).send().await.err().ok_or("two admins disagreed")?;
    assert_eq!(differs.refusal(), Some((409, "proposal_differs")));
    let decided = two.post(&path, &body).send().await?;
    let (to_buyer, to_seller) = (share(&decided, "kesToBuyer")?, share(&decided, "kesToSeller")?);
    assert_eq!((to_buyer + to_seller, to_seller), (trade.amount_kes, trade.amount_kes / 4));

    trade.buyer.socket.wait_for_status(&trade.order, "resolved", PATIENCE).await?;
    trade.seller.socket.wait_for_payment(&trade.order, "succeeded", PATIENCE).await?;
    let held = Story::expected(&trade, Money::Held);
    let expected = Story {
        phone_received: to_seller,
        phone_refunded: to_buyer,
        payouts_at_mpesa: 1,
        refunds_at_mpesa: 1,
        payouts: 1,
        refunds: 1,
        booked_out: i128::from(to_seller),
        booked_back: i128::from(to_buyer),
        booked_held: 0,
        ..held
    };
    let end = Instant::now() + PATIENCE;
    while lab.story(&trade).await? != expected && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(lab.story(&trade).await?, expected);

    let late = one.post(&path, &body).send().await.err().ok_or("it was decided twice")?;
    assert_eq!(late.refusal(), Some((409, "order_state")));
    let log = log_of(&one, &format!("orders/{}", trade.order)).await?;
    let entry = |action: &str, admin: &Session| (action.to_owned(), admin.account().to_owned());
    assert_eq!(log, [entry("resolve_dispute", &two), entry("propose_resolution", &one)]);
    let mine = trade.seller.session.get("/api/mpesa/transactions?kind=payout").send().await?;
    assert_eq!(mine.pointer("/items/0/amountKes"), Some(&json!(to_seller)), "{mine}");
    Ok(())
}

#[tokio::test]
async fn approved_documents_make_a_verified_user_whose_old_token_changes_nothing() -> Outcome<()> {
    let _calm = CALM.read().await;
    let lab = Lab::open()?;
    let (user, admin) = tokio::try_join!(lab.user("seller"), lab.admin("admin"))?;
    let submission = kyc::hand_in(&user.session).await?;
    let session = lab.again(&user).await?;

    let path = format!("/api/admin/users/{}", session.account());
    let page = admin.get(&path).send().await?;
    assert_eq!((text(&page, "/kycStatus"), text(&page, "/kyc/submissionId")), ("submitted", submission.as_str()));
    let link = text(&page, "/kyc/documents/0/url");
    let http = descrow_platform::http_client::build(PATIENCE)?;
    assert_eq!(http.get(link).send().await?.status(), 200, "{page}");
    let bare = link.split('?').next().unwrap_or_default();
    assert_eq!(http.get(bare).send().await?.status(), 403, "nobody reads it without a signature");

    let decision = json!({ "status": "verified", "submissionId": submission });
    let decided = admin.put(&format!("{path}/kyc"), &decision).send().await?;
    assert_eq!(text(&decided, "/kycStatus"), "verified");
    let profile = json!({ "displayName": "Verified" });
    let outdated = session.put("/api/auth/profile", &profile).send().await.err().ok_or("an old token changed it")?;
    assert_eq!(outdated.refusal(), Some((401, "session_outdated")));
    let fresh = lab.again(&user).await?;
    assert_eq!(text(&fresh.get("/api/auth/profile").send().await?, "/kycStatus"), "verified");
    let log = log_of(&admin, &format!("users/{}", session.account())).await?;
    assert_eq!(log, [("approve_kyc".to_owned(), admin.account().to_owned())]);
    Ok(())
}
