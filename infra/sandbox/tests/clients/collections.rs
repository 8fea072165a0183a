//! STK push, query and callback against every misbehaviour of DARAJA.md §13.

use std::time::Duration;

use crate::support::{PHONE, Rig, rig, rig_with, soon};
use descrow_domain::PaymentId;
use descrow_mpesa::{
    CallError, Callback, Fault, KesCents, QUERY_GRACE, StkCallback, StkFailure, StkOutcome, StkSettings, Throttle,
};
use descrow_platform::{Deadline, Secret};
use sandbox::{Behaviour, Operation, Policy, Rule};

fn failed(reason: &'static str, seconds: u64) -> StkOutcome {
    StkOutcome::Failed(StkFailure { reason, new_push_after: Some(Duration::from_secs(seconds)) })
}

fn parsed(body: &str) -> StkCallback {
    match Callback::parse(body) {
        Ok(Callback::Stk(callback)) => callback,
        other => panic!("{other:?}: {body}"),
    }
}

/// The one callback of a push that the customer answers with `answer`, under `rules`.
async fn callback_of(rules: Vec<Behaviour>, answer: &str) -> (Rig, PaymentId, String) {
    let rig = rig().await;
    for behaviour in rules {
        rig.sandbox.misbehave(Rule::once(behaviour));
    }
    let (id, push) = rig.push_for(PHONE, 500);
    rig.daraja.stk_push(&rig.stk, &push, soon()).await.unwrap();
    rig.answer(PHONE, answer).await;
    let (path, body) = rig.arrived(1).await.remove(0);
    assert!(path.ends_with(&id.to_hex()), "{path}");
    (rig, id, body)
}

#[tokio::test]
async fn a_paid_prompt_is_pending_then_paid_and_the_money_has_moved() {
    let rig = rig().await;
    let (_, push) = rig.push_for(PHONE, 500);
    let accepted = rig.daraja.stk_push(&rig.stk, &push, soon()).await.unwrap();
    let ask = async || rig.daraja.stk_query(&rig.stk, &accepted.checkout_request_id, Duration::ZERO, soon()).await;
    assert_eq!(ask().await, Ok(StkOutcome::Pending));
    rig.answer(PHONE, "pay").await;
    assert_eq!(ask().await, Ok(StkOutcome::Paid));
    let callback = parsed(&rig.arrived(1).await[0].1);
    assert_eq!(callback.checkout_request_id, Some(accepted.checkout_request_id.clone()));
    assert_eq!((callback.result_code.as_str(), callback.amount), ("0", Some(KesCents(50_000))));
    assert!(callback.receipt.is_some() && callback.transacted_at.is_some());
    let ledger = rig.control("ledger").await;
    assert_eq!(ledger["phones"][PHONE], serde_json::json!({"balance": 299_500, "received": 0, "paid": 500}));
    assert_eq!(ledger["shortcodes"]["174379"]["received"], 500);
}

#[tokio::test]
async fn every_answer_of_the_customer_is_told_apart() {
    for (answer, outcome) in [
        ("wrong_pin", failed("wrong_pin", 0)),
        ("cancel", failed("cancelled", 0)),
        ("ignore", failed("no_response", 0)),
        ("no_money", failed("insufficient_funds", 0)),
    ] {
        let (rig, _, body) = callback_of(vec![], answer).await;
        let callback = parsed(&body);
        assert_eq!(StkOutcome::of_callback(&callback.result_code), outcome, "{answer}");
        assert_eq!((callback.amount, callback.receipt), (None, None));
        let id = callback.checkout_request_id.unwrap();
        let ask = async |age| rig.daraja.stk_query(&rig.stk, &id, age, soon()).await;
        assert_eq!(ask(Duration::from_secs(30)).await, Ok(StkOutcome::Pending), "a young failure is not believed");
        assert_eq!(ask(QUERY_GRACE).await, Ok(outcome), "{answer}");
        assert_eq!(rig.control("ledger").await["shortcodes"]["174379"]["received"], 0);
    }
}

#[tokio::test]
async fn a_phone_answers_by_its_policy_and_an_unanswered_prompt_expires() {
    let rig = rig().await;
    rig.sandbox.configure(|settings| settings.prompt_timeout_ms = 30);
    rig.tell("PUT", "phones/254700000001", serde_json::json!({"answer": "pay", "afterMs": 5})).await;
    rig.daraja.stk_push(&rig.stk, &rig.push_for("254700000001", 10).1, soon()).await.unwrap();
    assert_eq!(parsed(&rig.arrived(1).await[0].1).result_code.as_str(), "0");
    rig.daraja.stk_push(&rig.stk, &rig.push_for("254700000002", 10).1, soon()).await.unwrap();
    assert_eq!(parsed(&rig.arrived(2).await[1].1).result_code.as_str(), "1037");
}

#[tokio::test]
async fn the_portal_refuses_what_it_refuses() {
    let rig = rig().await;
    let (_, push) = rig.push_for(PHONE, 10);
    let with = async |stk: StkSettings| rig.daraja.stk_push(&stk, &push, soon()).await;
    let fault = |field: Option<&str>, code: &str| Fault { code: code.into(), field: field.map(Into::into) };
    let wrong_key = with(StkSettings::new("174379", Secret::new("wrong"))).await;
    assert_eq!(wrong_key, Err(CallError::Misconfigured(fault(None, "500.001.1001"))));
    let stranger = with(StkSettings::new("999999", Secret::new(sandbox::PASSKEY))).await;
    assert_eq!(stranger, Err(CallError::Misconfigured(fault(None, "500.001.1001"))));
    // Plain http and Safaricom's words are refused again when the rules are on.
    rig.sandbox.configure(|settings| settings.https_only = true);
    let unsafe_url = with(rig.stk.clone()).await;
    assert_eq!(unsafe_url, Err(CallError::Rejected(fault(Some("CallBackURL"), "400.002.02"))));
}

#[tokio::test]
async fn a_second_prompt_is_refused_and_a_repetition_is_limited() {
    let rig = rig().await;
    rig.daraja.stk_push(&rig.stk, &rig.push_for(PHONE, 10).1, soon()).await.unwrap();
    let second = rig.daraja.stk_push(&rig.stk, &rig.push_for(PHONE, 20).1, soon()).await;
    assert_eq!(second, Err(CallError::SubscriberBusy));
    rig.answer(PHONE, "cancel").await;
    rig.arrived(1).await;
    rig.daraja.stk_push(&rig.stk, &rig.push_for(PHONE, 10).1, soon()).await.unwrap();
    let callback = parsed(&rig.arrived(2).await[1].1);
    assert_eq!(StkOutcome::of_callback(&callback.result_code), failed("repeated_too_soon", 120));
    rig.sandbox.configure(|settings| settings.repeat_window_ms = 0);
    rig.daraja.stk_push(&rig.stk, &rig.push_for(PHONE, 10).1, soon()).await.unwrap();
    rig.answer(PHONE, "pay").await;
    assert_eq!(parsed(&rig.arrived(3).await[2].1).result_code.as_str(), "0");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_effect_open_and_the_callback_still_tells() {
    let rig = rig().await;
    let policy = Policy { answer: Some(sandbox::Answer::Pay), after_ms: 5 };
    rig.sandbox.configure(|settings| settings.policy = policy);
    rig.sandbox.misbehave(Rule::once(Behaviour::LoseAnswer).on(Operation::StkPush));
    let (id, push) = rig.push_for(PHONE, 10);
    assert_eq!(rig.daraja.stk_push(&rig.stk, &push, soon()).await, Err(CallError::NoAnswer));
    let (path, body) = rig.arrived(1).await.remove(0);
    assert!(path.ends_with(&id.to_hex()));
    assert_eq!(parsed(&body).result_code.as_str(), "0");
}

#[tokio::test]
async fn no_answer_is_told_from_no_effect() {
    let rig = rig().await;
    let (_, push) = rig.push_for(PHONE, 10);
    let quick = || Deadline::after(Duration::from_millis(1500));
    let under = async |behaviour| {
        rig.sandbox.misbehave(Rule::once(behaviour).on(Operation::StkPush));
        rig.daraja.stk_push(&rig.stk, &push, quick()).await.unwrap_err()
    };
    let error =
        |status, code: &str, message: &str| Behaviour::Error { status, code: code.into(), message: message.into() };
    for behaviour in [
        Behaviour::Html { status: 403 },
        Behaviour::Html { status: 503 },
        Behaviour::Hang { ms: 5000 },
        Behaviour::Hang { ms: 0 },
        Behaviour::Slow { ms: 5000 },
        Behaviour::Answer { status: 200, body: "{\"Resp".into() },
        Behaviour::Answer { status: 200, body: r#"{"ResponseCode":"0"}"#.into() },
        error(500, "500.003.1001", "Internal Server Error"),
        error(200, "500.001.1001", ""),
    ] {
        assert_eq!(under(behaviour.clone()).await, CallError::NoAnswer, "{behaviour:?}");
    }
    assert_eq!(under(error(500, "500.003.02", "Spike Arrest Violation")).await, CallError::Throttled(Throttle::Spike));
    assert_eq!(under(error(500, "500.003.03", "Quota Violation")).await, CallError::Throttled(Throttle::Quota));
    let refused = Behaviour::Answer { status: 200, body: r#"{"ResponseCode":"7"}"#.into() };
    assert!(matches!(under(refused).await, CallError::Rejected(_)));
}

#[tokio::test]
async fn an_unreachable_daraja_had_no_effect() {
    let gone = rig().await;
    let (_, push) = gone.push_for(PHONE, 10);
    gone.daraja.stk_push(&gone.stk, &push, soon()).await.unwrap();
    // The port is closed, the token is cached.
    let Rig { sandbox, daraja, stk, .. } = gone;
    drop(sandbox);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(daraja.stk_push(&stk, &push, soon()).await, Err(CallError::NotSent));
}

#[tokio::test]
async fn a_query_is_never_led_to_a_premature_end() {
    let rig = rig().await;
    let (_, push) = rig.push_for(PHONE, 10);
    let id = rig.daraja.stk_push(&rig.stk, &push, soon()).await.unwrap().checkout_request_id;
    let ask = async |age| rig.daraja.stk_query(&rig.stk, &id, age, soon()).await;
    let script = |code: &str| rig.sandbox.misbehave(Rule::once(Behaviour::QueryCode { code: code.into() }));
    script("4999");
    script("1037");
    script("7777");
    assert_eq!(ask(Duration::from_secs(9)).await, Ok(StkOutcome::Pending));
    assert_eq!(ask(Duration::from_secs(14)).await, Ok(StkOutcome::Pending));
    assert_eq!(ask(QUERY_GRACE).await, Ok(StkOutcome::Unknown("7777".parse().unwrap())));
    for (status, message) in [
        (500, "The transaction is being processed"),
        (200, ""),
        (500, ""),
        (500, "The transaction does not Exist"),
        (500, "Unable to lock subscriber"),
    ] {
        let error = Behaviour::Error { status, code: "500.001.1001".into(), message: message.into() };
        rig.sandbox.misbehave(Rule::once(error).on(Operation::StkQuery));
        assert_eq!(ask(QUERY_GRACE).await, Err(CallError::NoAnswer), "{status} {message}");
    }
    rig.sandbox.misbehave(Rule::once(Behaviour::QueryBlind { ms: 60_000 }));
    assert_eq!(ask(QUERY_GRACE).await, Err(CallError::NoAnswer));
    let unknown = "ws_CO_0".parse().unwrap();
    let answer = rig.daraja.stk_query(&rig.stk, &unknown, QUERY_GRACE, soon()).await;
    assert_eq!(answer, Err(CallError::NoAnswer));
}

#[tokio::test]
async fn odd_callbacks_are_read() {
    let behaviours = [
        (Behaviour::CallbackMaskedPhone, "0", Some(KesCents(50_000))),
        (Behaviour::CallbackWithoutBalance, "0", Some(KesCents(50_000))),
        (Behaviour::CallbackStrings, "0", Some(KesCents(50_000))),
        (Behaviour::CallbackWithoutValue { name: "Amount".into() }, "0", None),
        (Behaviour::CallbackAmount { amount: "1.00".into() }, "0", Some(KesCents(100))),
        (Behaviour::CallbackCode { code: "SFC_IC0003".into() }, "SFC_IC0003", None),
    ];
    for (behaviour, code, amount) in behaviours {
        let (_, _, body) = callback_of(vec![behaviour.clone()], "pay").await;
        let callback = parsed(&body);
        assert_eq!((callback.result_code.as_str(), callback.amount), (code, amount), "{behaviour:?}");
    }
    let (_, _, body) = callback_of(vec![Behaviour::CallbackNullMetadata], "cancel").await;
    assert!(body.contains("\"CallbackMetadata\":null"));
    assert_eq!(parsed(&body).result_code.as_str(), "1032");
}

#[tokio::test]
async fn a_callback_comes_once_twice_never_late_or_first() {
    // The receiver answers 500 to each: nothing is retried.
    callback_of(vec![], "pay").await;
    let rig = rig().await;
    let push = async |rule: Behaviour, number: &str| {
        rig.sandbox.misbehave(Rule::once(rule).for_phone(number));
        rig.daraja.stk_push(&rig.stk, &rig.push_for(number, 10).1, soon()).await.unwrap()
    };
    push(Behaviour::CallbackTwice, "254700000001").await;
    rig.answer("254700000001", "pay").await;
    let twice = rig.arrived(2).await;
    assert_eq!(twice[0], twice[1]);
    push(Behaviour::CallbackNever, "254700000002").await;
    rig.answer("254700000002", "pay").await;
    push(Behaviour::CallbackLate { ms: 300 }, "254700000003").await;
    rig.answer("254700000003", "pay").await;
    rig.arrived(2).await;
    tokio::time::sleep(Duration::from_millis(350)).await;
    rig.arrived(3).await;
    let accepted = push(Behaviour::CallbackFirst, "254700000004").await;
    let first = parsed(&rig.arrivals.lock().unwrap()[3].1);
    assert_eq!(first.checkout_request_id, Some(accepted.checkout_request_id));
}

#[tokio::test]
async fn a_forged_callback_moves_no_money_and_the_query_denies_it() {
    let rig = rig().await;
    let (_, push) = rig.push_for(PHONE, 10);
    let id = rig.daraja.stk_push(&rig.stk, &push, soon()).await.unwrap().checkout_request_id;
    let body =
        r#"{"Body":{"stkCallback":{"ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":10.00}]}}}}"#;
    assert_eq!(rig.tell("POST", "forge", serde_json::json!({"prompt": PHONE, "body": body})).await, 200);
    assert_eq!(rig.arrived(1).await[0].1, body);
    let answer = rig.daraja.stk_query(&rig.stk, &id, QUERY_GRACE, soon()).await;
    assert_eq!(answer, Ok(StkOutcome::Pending));
}

#[tokio::test]
async fn a_callback_to_another_machine_is_recorded_and_not_sent() {
    let rig = rig_with(sandbox::Settings { callback_delay_ms: 0, ..sandbox::Settings::default() }).await;
    let secret = descrow_mpesa::CallbackSecret::new(Secret::new("0123456789abcdef0123456789abcdef"));
    let urls = descrow_mpesa::CallbackUrls::new("https://api.descrow.io", secret, false).unwrap();
    let push = descrow_mpesa::StkPush::new(
        PaymentId::new(),
        crate::support::phone(PHONE),
        descrow_domain::Kes(10),
        "Order".parse().unwrap(),
        &urls,
    );
    rig.daraja.stk_push(&rig.stk, &push.unwrap(), soon()).await.unwrap();
    rig.answer(PHONE, "pay").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let callbacks = rig.control("callbacks").await;
    let sent = &callbacks["callbacks"][0];
    assert!(sent["url"].as_str().unwrap().starts_with("https://api.descrow.io/hooks/"));
    assert_eq!(sent["status"], serde_json::Value::Null);
}
