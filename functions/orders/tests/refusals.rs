//! Every route of an order in every status, asked by everybody.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    OrderId,
    order::{
        OrderStatus::{self, Cancelled, Completed, Created, Delivered, Disputed, Funded, Resolved, Shipped},
        PaymentMode,
    },
};
use descrow_web::testing::{Ask, Person};
use serde_json::{Value, json};
use stage::Stage;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Buyer,
    Seller,
    Admin,
    Stranger,
}

use Who::{Admin, Buyer, Seller, Stranger};

/// A route, who may use it in which status, and how.
struct Route {
    name: &'static str,
    method: &'static str,
    tail: &'static str,
    body: fn() -> Value,
    /// The status where it is allowed.
    allowed: u16,
    /// The code where the order's state forbids it.
    forbidden: &'static str,
    /// In which statuses it is whose. Who is not named is never allowed.
    open: &'static [(Who, &'static [OrderStatus])],
}

const ROUTES: [Route; 10] = [
    Route {
        name: "read",
        method: "GET",
        tail: "",
        body: || Value::Null,
        allowed: 200,
        forbidden: "",
        open: &[(Buyer, &OrderStatus::ALL), (Seller, &OrderStatus::ALL), (Admin, &OrderStatus::ALL)],
    },
    Route {
        name: "tracking",
        method: "GET",
        tail: "/tracking",
        body: || Value::Null,
        allowed: 200,
        forbidden: "",
        open: &[(Buyer, &OrderStatus::ALL), (Seller, &OrderStatus::ALL), (Admin, &OrderStatus::ALL)],
    },
    Route {
        name: "list of evidence",
        method: "GET",
        tail: "/evidence",
        body: || Value::Null,
        allowed: 200,
        forbidden: "",
        open: &[(Buyer, &OrderStatus::ALL), (Seller, &OrderStatus::ALL), (Admin, &OrderStatus::ALL)],
    },
    Route {
        name: "pay",
        method: "POST",
        tail: "/pay/mpesa",
        body: || json!({}),
        allowed: 202,
        forbidden: "order_state",
        open: &[(Buyer, &[Created])],
    },
    Route {
        name: "ship",
        method: "POST",
        tail: "/ship",
        body: || json!({"carrier": "G4S Kenya", "trackingNumber": "KE-20261122-7"}),
        allowed: 202,
        forbidden: "order_state",
        open: &[(Seller, &[Funded])],
    },
    Route {
        name: "confirm",
        method: "POST",
        tail: "/confirm",
        body: || Value::Null,
        allowed: 202,
        forbidden: "order_state",
        open: &[(Buyer, &[Shipped])],
    },
    Route {
        name: "cancel",
        method: "POST",
        tail: "/cancel",
        body: || Value::Null,
        allowed: 202,
        forbidden: "order_state",
        open: &[(Buyer, &[Created]), (Seller, &[Created, Funded])],
    },
    Route {
        name: "dispute",
        method: "POST",
        tail: "/dispute",
        body: || json!({"reason": "It has a hole."}),
        allowed: 202,
        forbidden: "order_state",
        open: &[(Buyer, &[Funded, Shipped, Delivered]), (Seller, &[Funded, Shipped, Delivered])],
    },
    Route {
        name: "evidence",
        method: "POST",
        tail: "/evidence",
        body: || json!({"kind": "text", "text": "It is as wide as a hand."}),
        allowed: 201,
        forbidden: "evidence_closed",
        open: &[(Buyer, &[Disputed]), (Seller, &[Disputed])],
    },
    Route {
        name: "upload",
        method: "POST",
        tail: "/evidence/uploads",
        body: || json!({"contentType": "video/mp4", "size": 52_428_800, "sha256": "0".repeat(64)}),
        allowed: 201,
        forbidden: "evidence_closed",
        open: &[(Buyer, &[Funded, Shipped, Delivered, Disputed]), (Seller, &[Funded, Shipped, Delivered, Disputed])],
    },
];

/// The moves that an order by M-Pesa without a payment allows.
fn moves(status: OrderStatus, who: Who) -> &'static str {
    match (status, who) {
        (Created, Buyer) => "fund, cancel",
        (Created, Seller) => "cancel",
        (Funded, Buyer) | (Shipped, Seller) | (Delivered, Buyer | Seller) => "dispute",
        (Funded, Seller) => "ship, dispute, cancel",
        (Shipped, Buyer) => "deliver, dispute",
        (Disputed, Admin) => "resolve",
        (Created | Funded | Shipped | Delivered, Admin | Stranger)
        | (Disputed, Buyer | Seller | Stranger)
        | (Completed | Resolved | Cancelled, _) => "",
    }
}

fn person(stage: &Stage, who: Who) -> &Person {
    match who {
        Buyer => &stage.buyer,
        Seller => &stage.seller,
        Admin => &stage.admin,
        Stranger => &stage.stranger,
    }
}

impl Route {
    fn ask(&self, id: OrderId, by: &Person) -> Ask {
        let ask = Ask::new(self.method, &format!("/api/orders/{id}{}", self.tail)).by(by).key("k");
        let body = (self.body)();
        if body.is_null() { ask } else { ask.json(&body) }
    }
}

/// An order in `status`.
async fn order(stage: &Stage, made: &mut u32, status: OrderStatus) -> OrderId {
    *made += 1;
    let id = stage.order(&format!("k{made}")).await;
    if status != Created {
        stage.at(id, status).await;
    }
    id
}

#[tokio::test]
async fn every_route_in_every_status_is_for_whom_it_is_for_and_says_what_is_possible_instead() {
    let stage = Stage::start().await;
    let many = |product: &mut descrow_domain::product::Product| product.quantity = 1000;
    stage.restock(many).await;
    let mut made = 0;
    for route in &ROUTES {
        for status in OrderStatus::ALL {
            let mut id = order(&stage, &mut made, status).await;
            for who in [Buyer, Seller, Admin, Stranger] {
                let what = format!("{} of an order that is {} by {who:?}", route.name, status.as_str());
                let before = stage.row(id).await;
                let answer = stage.send(route.ask(id, person(&stage, who))).await;
                let open = route.open.iter().find(|(open, _)| *open == who).map(|(_, statuses)| *statuses);
                match (who, open) {
                    (Stranger, _) => assert_eq!(answer.outcome(), (404, "not_found"), "{what}"),
                    (_, None) => assert_eq!(answer.outcome(), (403, "wrong_role"), "{what}"),
                    (_, Some(open)) if open.contains(&status) => {
                        assert_eq!(answer.status.as_u16(), route.allowed, "{what}: {}", answer.text);
                        let most = match (route.method, route.name) {
                            ("GET", _) | (_, "upload") => 1,
                            (_, "pay") => 3,
                            _ => 2,
                        };
                        assert!(answer.trips <= most, "{what}: {} round trips", answer.trips);
                        if route.method == "POST" {
                            id = order(&stage, &mut made, status).await;
                        }
                        continue;
                    }
                    (_, Some(_)) => {
                        let details = json!([
                            {"field": "status", "message": status.as_str()},
                            {"field": "allowedMoves", "message": moves(status, who)},
                        ]);
                        assert_eq!(
                            (answer.outcome(), &answer.body["details"]),
                            ((409, route.forbidden), &details),
                            "{what}"
                        );
                    }
                }
                assert_eq!(answer.trips, 1, "{what}");
                assert_eq!(stage.row(id).await, before, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn while_a_move_waits_for_the_chain_no_other_is_possible() {
    let stage = Stage::start().await;
    let mut made = 0;
    let id = order(&stage, &mut made, Funded).await;
    let route = |name: &str| ROUTES.iter().find(|route| route.name == name).unwrap();
    assert_eq!(stage.send(route("ship").ask(id, &stage.seller)).await.status, 202);
    let before = stage.row(id).await;
    let details = json!([
        {"field": "status", "message": "funded"},
        {"field": "pending", "message": "ship"},
        {"field": "allowedMoves", "message": ""},
    ]);
    for (name, who) in [("cancel", &stage.seller), ("dispute", &stage.seller), ("dispute", &stage.buyer)] {
        let answer = stage.send(route(name).ask(id, who)).await;
        assert_eq!((answer.outcome(), &answer.body["details"]), ((409, "order_state"), &details), "{name}");
    }
    assert_eq!(stage.row(id).await, before);
}

#[tokio::test]
async fn an_order_in_dot_is_not_disputed_once_the_contract_has_paid_nor_paid_by_phone() {
    let stage = Stage::start().await;
    let mut made = 0;
    let id = order(&stage, &mut made, Created).await;
    let dot = stage.row(id).await;
    stage.rewrite(&descrow_domain::order::Order { payment_mode: PaymentMode::Dot, version: 2, ..dot }).await;
    let route = |name: &str| ROUTES.iter().find(|route| route.name == name).unwrap();
    let by_phone = stage.send(route("pay").ask(id, &stage.buyer)).await;
    assert_eq!(
        (by_phone.outcome(), by_phone.fields()),
        ((409, "order_state"), vec!["status", "paymentMode", "allowedMoves"])
    );
    stage.at(id, Delivered).await;
    for who in [&stage.buyer, &stage.seller] {
        let answer = stage.send(route("dispute").ask(id, who)).await;
        let details = json!([
            {"field": "status", "message": "delivered"},
            {"field": "allowedMoves", "message": ""},
        ]);
        assert_eq!((answer.outcome(), &answer.body["details"]), ((409, "order_state"), &details));
    }
}
