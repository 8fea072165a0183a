//! Paying by M-Pesa, through the router, over a database and a Daraja in process that misbehaves on demand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    OrderId, Timestamp,
    order::{Order, OrderMove, OrderStatus, PendingAction},
    payment::{Payment, PaymentStatus, ReviewReason},
};
use descrow_web::testing::{Answer, Ask};
use sandbox::{Behaviour, Operation, Rule};
use serde_json::json;
use stage::{PHONE, Stage, sample};

const EVENT: &str = include_str!("../../../events/orders-pay-mpesa.json");

fn pay(stage: &Stage, id: OrderId, key: &str) -> Ask {
    sample(EVENT, id).by(&stage.buyer).key(key)
}

/// The whole of the answer that says what stands against another payment.
fn assert_in_progress(answer: &Answer, payment: &str, moves: &str) {
    let expected = json!({
        "error": "Payment in progress", "code": "payment_in_progress", "requestId": answer.body["requestId"],
        "details": [
            {"field": "status", "message": "created"},
            {"field": "payment", "message": payment},
            {"field": "allowedMoves", "message": moves},
        ],
    });
    assert_eq!((answer.status.as_u16(), &answer.body), (409, &expected), "{}", answer.text);
}

async fn payment(stage: &Stage, id: OrderId) -> Payment {
    let id = stage.row(id).await.payment_id.unwrap();
    stage.bench.database.store.payments().get(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_phone_rings_once_and_the_payment_is_pending() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let answer = stage.send(pay(&stage, id, "p")).await;
    // Two before the push, one after it.
    assert_eq!((answer.status.as_u16(), answer.trips), (202, 3), "{}", answer.text);
    let row = payment(&stage, id).await;
    let expected = json!({"payment": {
        "id": row.id, "orderId": id, "kind": "collection", "status": "pending", "amountKes": 1355,
        "phoneNumber": "2547*****149", "receipt": null, "reason": null,
        "createdAt": row.created_at.rfc3339(), "updatedAt": answer.body["payment"]["updatedAt"],
    }});
    assert_eq!(answer.body, expected);
    let prompts = stage.prompts().await;
    assert_eq!(prompts.len(), 1);
    assert_eq!((&prompts[0]["phone"], &prompts[0]["amount"]), (&json!(PHONE), &json!(1355)));
    let callback = prompts[0]["callbackUrl"].as_str().unwrap();
    assert!(
        callback.starts_with("https://api.descrow.io/hooks/") && callback.ends_with(&row.id.to_hex()),
        "{callback}"
    );
    assert_eq!(row.checkout_request_id.as_deref(), prompts[0]["checkoutRequestId"].as_str());
    assert_eq!((row.status, row.submitted_at.is_some()), (PaymentStatus::Pending, true));
    let read = stage.send(Ask::new("GET", &format!("/api/orders/{id}")).by(&stage.buyer)).await;
    assert_eq!((&read.body["payment"]["id"], &read.body["payment"]["status"]), (&json!(row.id), &json!("pending")));
    let seen = stage.send(Ask::new("GET", &format!("/api/orders/{id}")).by(&stage.seller)).await;
    assert_eq!(seen.body["payment"]["phoneNumber"], json!(null));
}

#[tokio::test]
async fn the_same_request_again_rings_nobody_and_answers_the_same() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let ask = pay(&stage, id, "p");
    let (first, beside) = tokio::join!(stage.send(ask.clone()), stage.send(ask.clone()));
    let again = stage.send(ask).await;
    let (won, lost) = if first.status == 202 { (first, beside) } else { (beside, first) };
    assert_eq!((again.status.as_u16(), &again.text), (202, &won.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // The one beside came while the first was being worked on, or just after.
    assert!(lost.outcome() == (409, "idempotency_in_progress") || lost.text == won.text, "{}", lost.text);
    let other = pay(&stage, id, "p").json(&json!({"phoneNumber": "254700000001"}));
    assert_eq!(stage.send(other).await.outcome(), (422, "idempotency_key_reused"));
    let second = stage.send(pay(&stage, id, "another-key")).await;
    assert_in_progress(&second, "is under way", "");
    assert_eq!(stage.prompts().await.len(), 1);
}

#[tokio::test]
async fn of_two_payments_at_once_one_is_asked_for_and_the_other_is_told_what_stands_against_it() {
    for _ in 0..5 {
        let stage = Stage::start().await;
        let id = stage.order("k").await;
        let (one, other) = tokio::join!(stage.send(pay(&stage, id, "p")), stage.send(pay(&stage, id, "q")));
        let (won, lost) = if one.status == 202 { (one, other) } else { (other, one) };
        assert_eq!(won.status, 202, "{}", won.text);
        assert_in_progress(&lost, "is under way", "");
        assert_eq!(stage.prompts().await.len(), 1);
    }
}

#[tokio::test]
async fn a_payment_that_came_or_that_somebody_looks_into_stands_against_another_one() {
    for (status, review) in [
        (PaymentStatus::Succeeded, None),
        (PaymentStatus::Review, Some(ReviewReason::WrongAmount)),
        (PaymentStatus::Review, Some(ReviewReason::Contradiction)),
    ] {
        let stage = Stage::start().await;
        let id = stage.order("k").await;
        assert_eq!(stage.send(pay(&stage, id, "p")).await.status, 202);
        let first = payment(&stage, id).await;
        let created_at = first.created_at.plus_seconds(-121);
        stage.repay(&Payment { status, review, created_at, version: first.version + 1, ..first }).await;
        assert_in_progress(&stage.send(pay(&stage, id, "q")).await, "has come", "cancel");
        assert_eq!(stage.prompts().await.len(), 1);
    }
}

#[tokio::test]
async fn another_phone_may_pay() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let ask = pay(&stage, id, "p").json(&json!({"phoneNumber": "254711000222"}));
    assert_eq!(stage.send(ask).await.status, 202);
    assert_eq!(stage.prompts().await[0]["phone"], "254711000222");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_payment_open_and_no_second_push() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    stage.world.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::StkPush));
    let answer = stage.send(pay(&stage, id, "p")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["payment"]["status"]), (202, &json!("initiated")));
    let row = payment(&stage, id).await;
    assert_eq!((row.status, row.checkout_request_id.is_none()), (PaymentStatus::Initiated, true));
    assert!(row.next_check_at.is_some());
    assert_in_progress(&stage.send(pay(&stage, id, "q")).await, "is under way", "");
    assert_eq!(stage.prompts().await.len(), 1, "the customer was asked all the same");
}

#[tokio::test]
async fn a_refused_push_fails_the_payment_and_says_what_can_be_done() {
    let busy = "Unable to lock subscriber, a transaction is already in process for the current subscriber";
    let error =
        |status, code: &str, message: &str| Behaviour::Error { status, code: code.into(), message: message.into() };
    let cases = [
        (error(500, "500.001.1001", busy), (409, "payment_in_progress"), Some("60"), "subscriber_busy"),
        (error(500, "500.003.02", "Spike Arrest Violation"), (503, "service_unavailable"), Some("5"), "throttled"),
        (error(500, "500.001.1001", "Wrong credentials"), (502, "payment_service_error"), None, "500.001.1001"),
        (
            error(400, "400.002.02", "Bad Request - Invalid PhoneNumber"),
            (502, "payment_service_error"),
            None,
            "400.002.02",
        ),
    ];
    for (behaviour, outcome, wait, code) in cases {
        let stage = Stage::start().await;
        let id = stage.order("k").await;
        stage.world.misbehave(Rule::once(behaviour).on(Operation::StkPush));
        let answer = stage.send(pay(&stage, id, "p")).await;
        assert_eq!((answer.outcome(), answer.header("retry-after")), (outcome, wait), "{code}");
        assert!(!answer.text.contains("500.00") && !answer.text.contains("400.00"), "{}", answer.text);
        let row = payment(&stage, id).await;
        assert_eq!((row.status, row.result_code.as_deref()), (PaymentStatus::Failed, Some(code)));
        assert_eq!(row.next_check_at, None);
        // The key was given up, but M-Pesa wants its two minutes.
        let again = stage.send(pay(&stage, id, "p")).await;
        assert_eq!(again.outcome(), (429, "rate_limited"), "{code}");
        let wait: u64 = again.header("retry-after").unwrap().parse().unwrap();
        assert!((100..=120).contains(&wait), "{wait}");
        assert_eq!(stage.prompts().await.len(), 0);
    }
}

#[tokio::test]
async fn after_a_failed_payment_and_two_minutes_the_phone_rings_again() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    assert_eq!(stage.send(pay(&stage, id, "p")).await.status, 202);
    let first = payment(&stage, id).await;
    let failed = Payment {
        status: PaymentStatus::Failed,
        created_at: first.created_at.plus_seconds(-121),
        version: first.version + 1,
        ..first.clone()
    };
    stage.repay(&failed).await;
    stage.world.configure(|settings| settings.repeat_window_ms = 0);
    let ask = pay(&stage, id, "q").json(&json!({"phoneNumber": "254711000222"}));
    assert_eq!(stage.send(ask).await.status, 202);
    assert_ne!(payment(&stage, id).await.id, first.id);
    assert_eq!(stage.prompts().await.len(), 2);
}

#[tokio::test]
async fn only_the_buyer_pays_and_only_what_can_be_paid() {
    let stage = Stage::start().await;
    let id = stage.order("k").await;
    let as_whom = [(&stage.seller, (403, "wrong_role")), (&stage.stranger, (404, "not_found"))];
    for (who, outcome) in as_whom {
        assert_eq!(stage.send(pay(&stage, id, "p").by(who)).await.outcome(), outcome);
    }
    let anonymous = Ask::new("POST", &format!("/api/orders/{id}/pay/mpesa")).key("p").json(&json!({}));
    assert_eq!(stage.send(anonymous).await.outcome(), (401, "missing_token"));
    let wrong = pay(&stage, id, "p").json(&json!({"phoneNumber": "0711", "amount": 1}));
    let wrong = stage.send(wrong).await;
    assert_eq!((wrong.outcome(), wrong.fields()), ((400, "validation_failed"), vec!["amount", "phoneNumber"]));
    let keyless = Ask::new("POST", &format!("/api/orders/{id}/pay/mpesa")).by(&stage.buyer).json(&json!({}));
    assert_eq!(stage.send(keyless).await.fields(), ["Idempotency-Key"]);

    let row = stage.row(id).await;
    let mut late = Order { version: row.version + 1, ..row.clone() };
    late.deadlines.payment = Some(Timestamp::now().plus_seconds(-1));
    stage.rewrite(&late).await;
    assert_eq!(stage.send(pay(&stage, id, "p")).await.outcome(), (409, "order_state"));
    let by = Some(stage.buyer.account);
    let pending =
        PendingAction { action: OrderMove::Fund, command_id: "record_payment#x".into(), by, at: row.created_at };
    let funding = Order { pending: Some(pending), version: row.version + 2, ..row.clone() };
    stage.rewrite(&funding).await;
    let answer = stage.send(pay(&stage, id, "p")).await;
    assert_eq!((answer.outcome(), answer.fields()), ((409, "order_state"), vec!["status", "pending", "allowedMoves"]));
    for (n, status) in OrderStatus::ALL.into_iter().filter(|s| *s != OrderStatus::Created).enumerate() {
        let version = row.version + 3 + u64::try_from(n).unwrap();
        stage.rewrite(&Order { status, version, ..row.clone() }).await;
        let answer = stage.send(pay(&stage, id, "p")).await;
        assert_eq!(answer.outcome(), (409, "order_state"), "{status:?}");
        assert_eq!(answer.body["details"][0]["message"], status.as_str());
    }
    assert_eq!(stage.prompts().await.len(), 0);
}
