//! Users and their documents: listed, looked at, decided on once, with effect at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod stage;

use descrow_domain::{
    Account, Timestamp,
    audit::AuditAction,
    kyc::{DocumentFormat, DocumentKind, KycDocument, KycSubmission, Sha256},
    notification::NotificationKind,
    user::KycStatus,
};
use descrow_store::KycSubmitted;
use descrow_web::testing::{Ask, Person};
use serde_json::{Value, json};
use stage::{Stage, ids};
use uuid::Uuid;

const KYC: &str = include_str!("../../../events/admin-kyc.json");
const USER: &str = include_str!("../../../events/admin-user.json");
/// The account that the sample events name.
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
/// The submission that the sample event names.
const SUBMISSION: &str = "6f1c0a6f-3c4b-5e8a-9d2c-3b4a596877aa";

fn sample(event: &str, id: Account) -> Ask {
    Ask::event(&event.replace(ALICE, &id.to_string()))
}

/// Hands in documents, as the user's own routes do.
async fn submit(stage: &Stage, id: Account) -> KycSubmission {
    let document = |kind| KycDocument { kind, format: DocumentFormat::Jpeg, size: 1000, sha256: Sha256([7; 32]) };
    let submission = KycSubmission {
        id: Uuid::now_v7(),
        full_name: "Amina Wanjiru".parse().unwrap(),
        documents: vec![document(DocumentKind::Passport), document(DocumentKind::Selfie)],
        submitted_at: Timestamp::now(),
        decision: None,
    };
    for document in &submission.documents {
        stage.documents.put(&document.key(&id, &submission.id), "image/jpeg", b"\xff\xd8\xff\xe0 a picture");
    }
    let user = stage.store().users().get(&id).await.unwrap().unwrap();
    let done = stage.store().users().submit_kyc(&id, &submission, user.auth_version).await.unwrap();
    assert!(matches!(done, KycSubmitted::Done(_)));
    submission
}

fn decide(id: Account, by: &Person, body: &Value) -> Ask {
    sample(KYC, id).by(by).json(body)
}

fn verified(submission: &KycSubmission) -> Value {
    json!({"status": "verified", "submissionId": submission.id})
}

#[tokio::test]
async fn users_are_listed_with_their_kyc_status_and_without_their_names() {
    let stage = Stage::start().await;
    let all = stage.get("/api/admin/users?limit=3").await;
    assert_eq!((all.status.as_u16(), all.trips), (200, 1), "{}", all.text);
    assert_eq!(all.body["items"].as_array().unwrap().len(), 3);
    let cursor = all.body["nextCursor"].as_str().unwrap();
    let rest = stage.get(&format!("/api/admin/users?limit=3&cursor={cursor}")).await;
    let mut listed = [ids(&all, "/id"), ids(&rest, "/id")].concat();
    listed.sort_unstable();
    let mut people = [&stage.seller, &stage.buyer, &stage.admin, &stage.other_admin].map(|p| p.account.to_string());
    people.sort_unstable();
    assert_eq!((listed, &rest.body["nextCursor"]), (people.to_vec(), &Value::Null));

    let waiting = Ask::event(include_str!("../../../events/admin-users.json")).by(&stage.admin);
    assert_eq!(stage.send(waiting.clone()).await.body, json!({"items": [], "nextCursor": null}));
    let submission = submit(&stage, stage.seller.account).await;
    let user = stage.store().users().get(&stage.seller.account).await.unwrap().unwrap();
    let page = stage.send(waiting).await;
    let shown = json!({"id": stage.seller.account, "role": "seller", "kycStatus": "submitted",
        "submittedAt": submission.submitted_at.rfc3339(), "decidedAt": null,
        "createdAt": user.created_at.rfc3339(), "updatedAt": submission.submitted_at.rfc3339()});
    assert_eq!((page.trips, page.body), (1, json!({"items": [shown], "nextCursor": null})));
    let nonsense = stage.get("/api/admin/users?kycStatus=maybe").await;
    assert_eq!((nonsense.outcome(), nonsense.fields()), ((400, "validation_failed"), vec!["kycStatus"]));
}

#[tokio::test]
async fn documents_are_shown_by_links_that_end_while_they_wait() {
    let stage = Stage::start().await;
    let submission = submit(&stage, stage.seller.account).await;
    let page = stage.send(sample(USER, stage.seller.account).by(&stage.admin)).await;
    assert_eq!((page.status.as_u16(), page.trips), (200, 1), "{}", page.text);
    let user = stage.store().users().get(&stage.seller.account).await.unwrap().unwrap();
    let shown = |body: &Value, at: usize, kind: &str| {
        let document = &body["kyc"]["documents"][at];
        json!({"kind": kind, "contentType": "image/jpeg", "size": 1000, "url": document["url"],
            "urlExpiresAt": document["urlExpiresAt"]})
    };
    let expected = json!({"id": stage.seller.account, "role": "seller", "kycStatus": "submitted", "displayName": null,
        "phoneNumber": "2547*****001", "email": null,
        "kyc": {"submissionId": submission.id.to_string(), "fullName": "Amina Wanjiru",
            "documents": [shown(&page.body, 0, "passport"), shown(&page.body, 1, "selfie")],
            "submittedAt": submission.submitted_at.rfc3339(), "decision": null},
        "createdAt": user.created_at.rfc3339(), "updatedAt": user.updated_at.rfc3339()});
    assert_eq!(page.body, expected);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let http = descrow_platform::http_client::build(std::time::Duration::from_secs(5)).unwrap();
    for at in 0..2 {
        let url = page.body["kyc"]["documents"][at]["url"].as_str().unwrap();
        let read = http.get(url).send().await.unwrap();
        assert_eq!(read.status().as_u16(), 200);
        assert_eq!(read.bytes().await.unwrap().as_ref(), b"\xff\xd8\xff\xe0 a picture");
        assert_eq!(http.get(url.split('?').next().unwrap()).send().await.unwrap().status().as_u16(), 403);
    }
    let nobody = sample(USER, Account::from_bytes([77; 32])).by(&stage.admin);
    assert_eq!(stage.send(nobody).await.outcome(), (404, "not_found"));
    assert_eq!(stage.get("/api/admin/users/nonsense").await.outcome(), (404, "not_found"));
}

#[tokio::test]
async fn a_decision_binds_the_users_very_next_request_and_is_logged_and_told() {
    let stage = Stage::start().await;
    let id = stage.seller.account;
    let submission = submit(&stage, id).await;
    let rejects = KYC.replace(SUBMISSION, &submission.id.to_string());
    let admin = stage.send(sample(&rejects, id).by(&stage.admin)).await;
    assert_eq!((admin.status.as_u16(), admin.trips), (200, 2), "{}", admin.text);
    let user = stage.store().users().get(&id).await.unwrap().unwrap();
    let decided = user.kyc.as_ref().unwrap().decision.clone().unwrap();
    let decision = json!({"status": "rejected", "reason": "The picture is blurred.", "by": stage.admin.account,
        "at": decided.at.rfc3339()});
    assert_eq!((&admin.body["kycStatus"], &admin.body["kyc"]["decision"]), (&json!("rejected"), &decision));
    assert_eq!(admin.body["kyc"]["documents"][0]["url"], Value::Null, "decided documents have no links");
    assert_eq!((user.auth_version, admin.body["updatedAt"].as_str()), (3, Some(decided.at.rfc3339().as_str())));

    let again = stage.send(sample(&rejects, id).by(&stage.admin)).await;
    assert_eq!(
        (again.status.as_u16(), &again.body, again.trips),
        (200, &admin.body, 1),
        "the same has the same answer"
    );
    let otherwise = json!({"status": "rejected", "reason": "No.", "submissionId": submission.id});
    for (who, body) in [(&stage.admin, &verified(&submission)), (&stage.other_admin, &otherwise)] {
        assert_eq!(stage.send(decide(id, who, body)).await.outcome(), (409, "kyc_state"));
    }
    let [entry] = stage.log().await.try_into().unwrap();
    assert_eq!((entry.admin, entry.action), (stage.admin.account, AuditAction::RejectKyc));
    assert_eq!((entry.subject, entry.reason.as_deref()), (format!("users/{id}"), Some("The picture is blurred.")));
    assert_eq!(entry.details["submission"], submission.id.to_string());
    let [told] = stage.store().notifications().list(&id, None, 10).await.unwrap().items.try_into().unwrap();
    assert_eq!((told.kind, told.order_id, told.created_at), (NotificationKind::Kyc, None, decided.at));
    assert!(!told.message.contains("blurred"), "{}", told.message);

    let second = submit(&stage, id).await;
    let accepted = stage.send(decide(id, &stage.other_admin, &verified(&second))).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body["kycStatus"]), (200, &json!("verified")), "{}", accepted.text);
    let deeds = [(AuditAction::RejectKyc, stage.admin.account), (AuditAction::ApproveKyc, stage.other_admin.account)];
    assert_eq!(stage.deeds().await, deeds);
}

#[tokio::test]
async fn a_token_from_before_the_decision_changes_nothing_more() {
    let stage = Stage::start().await;
    // An admin's own documents are decided on by another admin, and its own routes show what that does to its token.
    let submission = submit(&stage, stage.other_admin.account).await;
    let order = stage.disputed(1_000).await;
    let path = format!("/api/admin/disputes/{}/resolve", order.id);
    let attempt = Ask::new("POST", &path).json(&json!({"resolution": "refund", "reason": "The seam is torn."}));
    let refreshed = fresh(&stage, &stage.other_admin).await;
    let accepted = stage.send(decide(stage.other_admin.account, &stage.admin, &verified(&submission))).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text);
    assert_eq!(stage.send(attempt.clone().by(&refreshed)).await.outcome(), (401, "session_outdated"));
    let again = fresh(&stage, &stage.other_admin).await;
    assert_eq!(stage.send(attempt.by(&again)).await.status, 202);
    let own = decide(stage.admin.account, &stage.admin, &verified(&submission));
    assert_eq!(stage.send(own).await.outcome(), (403, "wrong_role"));
}

/// The person with an access token as of now.
async fn fresh(stage: &Stage, person: &Person) -> Person {
    let user = stage.store().users().get(&person.account).await.unwrap().unwrap();
    let subject = descrow_web::Subject {
        account: user.id,
        role: user.role,
        kyc: user.kyc_status,
        family: person.family,
        auth_version: user.auth_version,
    };
    Person { token: stage.bench.edge.tokens().issue(&subject, Timestamp::now()).unwrap(), ..person.clone() }
}

#[tokio::test]
async fn documents_that_the_admin_never_saw_are_not_decided_on() {
    let stage = Stage::start().await;
    let id = stage.seller.account;
    let first = submit(&stage, id).await;
    // Both admins look at the first documents; one rejects them, and the user hands in others.
    let rejects = json!({"status": "rejected", "reason": "Blurred.", "submissionId": first.id});
    assert_eq!(stage.send(decide(id, &stage.admin, &rejects)).await.status, 200);
    let second = submit(&stage, id).await;
    let unsaid = stage.send(decide(id, &stage.other_admin, &json!({"status": "verified"}))).await;
    assert_eq!((unsaid.outcome(), unsaid.fields()), ((400, "validation_failed"), vec!["submissionId"]));
    let late = stage.send(decide(id, &stage.other_admin, &verified(&first))).await;
    assert_eq!(late.outcome(), (409, "kyc_state"), "{}", late.text);
    let user = stage.store().users().get(&id).await.unwrap().unwrap();
    assert_eq!((user.kyc_status, user.kyc), (KycStatus::Submitted, Some(second)));
    assert_eq!(stage.deeds().await, [(AuditAction::RejectKyc, stage.admin.account)]);
}

#[tokio::test]
async fn two_admins_who_decide_at_once_are_one_decision() {
    let stage = Stage::start().await;
    let id = stage.buyer.account;
    let submission = submit(&stage, id).await;
    let rejects = json!({"status": "rejected", "reason": "Blurred.", "submissionId": submission.id});
    let (first, second) = tokio::join!(
        stage.send(decide(id, &stage.admin, &verified(&submission))),
        stage.send(decide(id, &stage.other_admin, &rejects)),
    );
    let mut outcomes = [first.outcome(), second.outcome()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(200, ""), (409, "kyc_state")]);
    assert_eq!(stage.deeds().await.len(), 1);
    assert_eq!(stage.store().notifications().list(&id, None, 10).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn only_an_admin_decides_on_what_waits_and_says_why_it_rejects() {
    let stage = Stage::start().await;
    let id = stage.buyer.account;
    let verified = json!({"status": "verified", "submissionId": SUBMISSION});
    assert_eq!(stage.send(decide(id, &stage.admin, &verified)).await.outcome(), (409, "kyc_state"));
    submit(&stage, id).await;
    for (body, field) in [
        (json!({"status": "rejected", "submissionId": SUBMISSION}), "reason"),
        (json!({"status": "pending", "submissionId": SUBMISSION}), "status"),
        (json!({"reason": "Why not.", "submissionId": SUBMISSION}), "status"),
        (json!({"status": "verified"}), "submissionId"),
        (json!({"status": "verified", "submissionId": "7"}), "submissionId"),
    ] {
        let refused = stage.send(decide(id, &stage.admin, &body)).await;
        assert_eq!((refused.outcome(), refused.fields()), ((400, "validation_failed"), vec![field]), "{body}");
    }
    for who in [&stage.buyer, &stage.seller] {
        assert_eq!(stage.send(decide(id, who, &verified)).await.outcome(), (403, "wrong_role"));
    }
    let nobody = Account::from_bytes([77; 32]);
    assert_eq!(stage.send(decide(nobody, &stage.admin, &verified)).await.outcome(), (404, "not_found"));
    assert_eq!(stage.log().await, []);
}
