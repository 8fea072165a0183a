//! Orders, figures and the log, and who may see them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Timestamp,
    analytics::{Counter, Day, Days, Figure, Tally},
    audit::AuditAction,
    order::{OrderStatus, PaymentMode},
};
use descrow_store::Counting;
use descrow_web::testing::Ask;
use serde_json::json;
use stage::{Stage, dispute, ids};

#[tokio::test]
async fn everybodys_orders_are_listed_by_status_and_mode_newest_first() {
    let stage = Stage::start().await;
    let mut made = Vec::new();
    for n in 0..6 {
        let order = stage.order(1_000, |order| {
            order.status = if n % 2 == 0 { OrderStatus::Funded } else { OrderStatus::Shipped };
            order.payment_mode = if n % 3 == 0 { PaymentMode::Dot } else { PaymentMode::Mpesa };
        });
        made.push(order.await.id.to_string());
    }
    let listed = |wanted: &[usize]| wanted.iter().map(|n| made[*n].clone()).collect::<Vec<_>>();
    let first = stage.get("/api/admin/orders?limit=4").await;
    assert_eq!((first.status.as_u16(), first.trips, ids(&first, "/id")), (200, 1, listed(&[5, 4, 3, 2])));
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let rest = stage.get(&format!("/api/admin/orders?limit=4&cursor={cursor}")).await;
    assert_eq!((rest.trips, ids(&rest, "/id")), (1, listed(&[1, 0])));
    for (query, wanted) in [
        ("status=funded", vec![4, 2, 0]),
        ("mode=dot", vec![3, 0]),
        ("status=shipped&mode=mpesa", vec![5, 1]),
        ("status=disputed", vec![]),
    ] {
        let page = stage.get(&format!("/api/admin/orders?{query}")).await;
        assert_eq!((page.trips, ids(&page, "/id")), (1, listed(&wanted)), "{query}");
        // What is listed by day may have older days to look at.
        if let Some(cursor) = page.body["nextCursor"].as_str() {
            let older = stage.get(&format!("/api/admin/orders?{query}&cursor={cursor}")).await;
            assert_eq!(older.body, json!({"items": [], "nextCursor": null}), "{query}");
        }
    }
    let order = stage.order(1_000, dispute).await;
    let sample = Ask::event(include_str!("../../../events/admin-orders.json")).by(&stage.admin);
    let page = stage.send(sample).await;
    let shown = json!({"id": order.id, "status": "disputed", "paymentMode": "mpesa", "productId": order.product_id,
        "productTitle": "Kitenge bag", "quantity": 1, "buyer": stage.buyer.account, "seller": stage.seller.account,
        "amountDot": "2.5", "amountUsd": "10.50", "amountKes": 1000, "pending": null, "allowedMoves": ["resolve"],
        "deadlines": {"payment": null, "shipping": null, "inspection": null,
            "evidence": order.deadlines.evidence.unwrap().rfc3339()},
        "createdAt": order.created_at.rfc3339(), "updatedAt": order.updated_at.rfc3339(), "version": 2});
    assert_eq!(page.body, json!({"items": [shown], "nextCursor": null}));
    let nonsense = stage.get("/api/admin/orders?status=lost&mode=cash").await;
    assert_eq!((nonsense.outcome(), nonsense.fields()), ((400, "validation_failed"), vec!["status", "mode"]));
}

#[tokio::test]
async fn the_figures_are_those_of_the_counters() {
    let stage = Stage::start().await;
    let day: Day = "2026-11-21".parse().unwrap();
    let mut tally = Tally::default();
    tally.add(Counter::Now(PaymentMode::Mpesa, OrderStatus::Funded), 2);
    tally.add(Counter::Daily(day, PaymentMode::Mpesa, Figure::Funded), 2);
    tally.add(Counter::Daily(day, PaymentMode::Mpesa, Figure::VolumeKes), 3_500);
    let counting = Counting { change: "orders#1#2".to_owned(), tally };
    stage.store().counters().count(&[counting], Timestamp::now()).await.unwrap();
    let sample = Ask::event(include_str!("../../../events/admin-analytics.json")).by(&stage.admin);
    let page = stage.send(sample).await;
    let days = Days::new(day, "2026-11-22".parse().unwrap()).unwrap();
    let view = stage.store().counters().read(days).await.unwrap();
    assert_eq!((page.trips, &page.body), (1, &serde_json::to_value(&view).unwrap()));
    assert_eq!(page.body["days"][0]["mpesa"]["volumeKes"], 3_500);
    assert_eq!(
        (&page.body["orders"]["mpesa"]["funded"], &page.body["days"][1]["date"]),
        (&json!(2), &json!("2026-11-22"))
    );

    let usual = stage.get("/api/admin/analytics?to=2026-11-22").await;
    assert_eq!((&usual.body["from"], usual.body["days"].as_array().unwrap().len()), (&json!("2026-10-24"), 30));
    let today = stage.get("/api/admin/analytics").await;
    assert_eq!(today.body["to"].as_str().unwrap(), &Timestamp::now().rfc3339()[..10]);
    for (query, field) in
        [("from=2026-11-22&to=2026-11-21", "to"), ("from=2026-01-01&to=2026-11-21", "to"), ("from=yesterday", "from")]
    {
        let refused = stage.get(&format!("/api/admin/analytics?{query}")).await;
        assert_eq!((refused.outcome(), refused.fields()), ((400, "validation_failed"), vec![field]), "{query}");
    }
}

#[tokio::test]
async fn the_log_is_paged_newest_first_and_says_everything() {
    let stage = Stage::start().await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        let order = stage.disputed(1_000).await;
        let path = format!("/api/admin/disputes/{}/resolve", order.id);
        let body = json!({"resolution": "release", "reason": "It arrived."});
        assert_eq!(stage.send(Ask::new("POST", &path).by(&stage.admin).json(&body)).await.status, 202);
        orders.push(order);
    }
    let first = stage.get("/api/admin/audit?limit=2").await;
    assert_eq!((first.status.as_u16(), first.trips), (200, 1), "{}", first.text);
    let subject = |n: usize| format!("orders/{}", orders[n].id);
    assert_eq!(ids(&first, "/subject"), [subject(2), subject(1)]);
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let rest = stage.get(&format!("/api/admin/audit?limit=2&cursor={cursor}")).await;
    assert_eq!(ids(&rest, "/subject"), [subject(0)]);
    let row = &stage.log().await[0];
    assert_eq!(row.action, AuditAction::ResolveDispute);
    let details = json!({"resolution": "release", "kesToBuyer": "0", "kesToSeller": "1000"});
    let shown = json!({"id": row.id, "at": row.at.rfc3339(), "admin": stage.admin.account, "action": "resolve_dispute",
        "subject": subject(0), "reason": "It arrived.", "details": details});
    assert_eq!(rest.body["items"], json!([shown]));
    let sample = stage.send(Ask::event(include_str!("../../../events/admin-audit.json")).by(&stage.other_admin)).await;
    assert_eq!(sample.body["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn admins_alone_see_any_of_it() {
    let stage = Stage::start().await;
    let user = format!("/api/admin/users/{}", stage.buyer.account);
    for path in [
        "/api/admin/orders",
        "/api/admin/disputes",
        "/api/admin/users",
        &user,
        "/api/admin/analytics",
        "/api/admin/audit",
    ] {
        assert_eq!(stage.send(Ask::new("GET", path)).await.outcome(), (401, "missing_token"), "{path}");
        for who in [&stage.buyer, &stage.seller] {
            assert_eq!(stage.send(Ask::new("GET", path).by(who)).await.outcome(), (403, "wrong_role"), "{path}");
        }
        assert_eq!(stage.get(path).await.status, 200, "{path}");
    }
}
