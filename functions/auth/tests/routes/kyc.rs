//! Handing in KYC documents.

use descrow_domain::{
    Timestamp,
    audit::{AuditAction, AuditEntry},
    kyc::{KycDecision, KycVerdict},
    notification::{Change, MessagePart, Notification, NotificationKind},
    user::{KycStatus, User},
};
use descrow_store::KycDecided;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::{Answer, Stack, Wallet, event, set_header, with_body};

const PASSPORT: &[u8] = b"\xff\xd8\xff\xe0 a passport";
const SELFIE: &[u8] = b"\x89PNG\r\n\x1a\n a selfie";

/// A signed-in user, and its refresh token.
struct Person {
    token: String,
    refresh: String,
}

impl Person {
    async fn new(stack: &Stack, wallet: &Wallet) -> Self {
        let session = stack.register(wallet).await;
        Self { token: session.text("/accessToken"), refresh: session.text("/refreshToken") }
    }

    async fn refreshed(self, stack: &Stack) -> Self {
        let session = stack.refresh(&self.refresh).await;
        Self { token: session.text("/accessToken"), refresh: session.text("/refreshToken") }
    }

    async fn send(&self, stack: &Stack, mut event: Value) -> Answer {
        set_header(&mut event, "Authorization", &format!("Bearer {}", self.token));
        stack.send(event).await
    }

    async fn begin(&self, stack: &Stack) -> Answer {
        self.send(stack, event("auth-kyc-uploads")).await
    }

    async fn submit(&self, stack: &Stack, submission: &str) -> Answer {
        let body = json!({"submissionId": submission, "fullName": "Amina Wanjiru"});
        self.send(stack, with_body("auth-kyc-submit", &body)).await
    }
}

/// Uploads as a client does, to the URL it was given.
async fn upload(began: &Answer, kind: &str, content: &[u8]) -> u16 {
    let uploads = began.body["uploads"].as_array().unwrap();
    let upload = uploads.iter().find(|upload| upload["kind"] == kind).unwrap();
    let http = descrow_platform::http_client::build(std::time::Duration::from_secs(5)).unwrap();
    let mut request = http.put(upload["url"].as_str().unwrap()).body(content.to_owned());
    for (name, value) in upload["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap().status().as_u16()
}

fn problems(answer: &Answer) -> Vec<(&str, &str)> {
    let details = answer.body["details"].as_array().unwrap();
    details.iter().map(|d| (d["field"].as_str().unwrap(), d["message"].as_str().unwrap())).collect()
}

/// Decides as the admin's function does.
async fn decide(stack: &Stack, user: &User, decision: &KycDecision) -> KycDecided {
    let action = match decision.verdict {
        KycVerdict::Verified => AuditAction::ApproveKyc,
        KycVerdict::Rejected => AuditAction::RejectKyc,
    };
    let audit = AuditEntry::new(decision.by, action, format!("users/{}", user.id), None, decision.at);
    let change = Change { at: decision.at, version: user.auth_version, row: "users" };
    let notice = Notification {
        user_id: user.id,
        id: change.id(&user.id, MessagePart::Notification),
        kind: NotificationKind::Kyc,
        order_id: None,
        title: "Your documents".to_owned(),
        message: "An admin decided.".to_owned(),
        read: false,
        created_at: decision.at,
    };
    stack.db.store.users().decide_kyc(user, decision, &audit, &notice).await.unwrap()
}

#[tokio::test]
async fn documents_are_uploaded_handed_in_once_and_again_after_a_rejection() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let person = Person::new(&stack, &wallet).await;
    stack.db.trips.take();
    let began = person.begin(&stack).await;
    assert_eq!((began.status, stack.db.trips.take()), (201, 2), "{}", began.body);
    let id = began.text("/submissionId");
    assert_eq!(person.begin(&stack).await.text("/submissionId"), id, "the same documents are the same submission");
    for (kind, content) in [("passport", PASSPORT), ("selfie", SELFIE)] {
        assert_eq!(upload(&began, kind, content).await, 200, "{kind}");
    }
    let account = wallet.account();
    let uploads: Vec<_> = stack.documents.objects().into_iter().collect();
    let keys: Vec<_> = uploads.iter().map(|(key, _)| key.as_str()).collect();
    let uploaded = ["passport", "selfie"].map(|kind| format!("kyc-uploads/{account}/{id}/{kind}"));
    assert_eq!(keys, uploaded, "what is never handed in stays where it expires");

    stack.db.trips.take();
    let submitted = person.submit(&stack, &id).await;
    assert_eq!((submitted.status, stack.db.trips.take()), (200, 2), "{}", submitted.body);
    assert_eq!(submitted.body["kycStatus"], "submitted");
    let mut objects = stack.documents.objects();
    for (upload, content) in &uploads {
        assert_eq!(objects.remove(&upload.replace("kyc-uploads/", "kyc/")).as_ref(), Some(content), "{upload}");
    }
    assert!(objects.into_iter().eq(uploads.clone()), "and nothing else");
    let at = submitted.body["updatedAt"].clone();
    let kyc = json!({"submissionId": id, "documents": ["passport", "selfie"], "submittedAt": at, "decidedAt": null,
        "reason": null});
    assert_eq!(submitted.body["kyc"], kyc);
    let row = stack.db.store.users().get(&account).await.unwrap().unwrap();
    let stored = row.kyc.as_ref().unwrap();
    assert_eq!(
        (stored.full_name.as_str(), stored.documents[1].sha256.0),
        ("Amina Wanjiru", Sha256::digest(SELFIE).into())
    );

    let outdated = person.submit(&stack, &id).await;
    assert_eq!((outdated.status, outdated.code()), (401, "session_outdated"), "the change binds at once");
    let person = person.refreshed(&stack).await;
    let again = person.submit(&stack, &id).await;
    assert_eq!((again.status, &again.body), (200, &submitted.body), "the same request has the same answer");
    assert_eq!(stack.documents.objects().len(), 2 * uploads.len());
    let waiting = person.begin(&stack).await;
    assert_eq!((waiting.status, waiting.code()), (409, "kyc_state"));

    let reason = Some("The picture is blurred.".parse().unwrap());
    let no = KycDecision { verdict: KycVerdict::Rejected, reason, by: Wallet::new(9).account(), at: Timestamp::now() };
    let decided = decide(&stack, &row, &no).await;
    assert!(matches!(decided, KycDecided::Done(_)));
    let profile = stack.as_user("auth-profile-get", &person.token).await;
    assert_eq!(profile.body["kycStatus"], "rejected");
    assert_eq!(profile.body["kyc"]["reason"], "The picture is blurred.");
    assert_eq!(profile.body["kyc"]["decidedAt"], no.at.rfc3339());
    let bound = person.begin(&stack).await;
    assert_eq!((bound.status, bound.code()), (401, "session_outdated"));

    let person = person.refreshed(&stack).await;
    let late = person.submit(&stack, &id).await;
    assert_eq!((late.status, late.code()), (409, "kyc_state"), "what was rejected does not come back by itself");
    let second = person.begin(&stack).await;
    assert_ne!(second.text("/submissionId"), id);
    for (kind, content) in [("passport", PASSPORT), ("selfie", SELFIE)] {
        assert_eq!(upload(&second, kind, content).await, 200, "{kind}");
    }
    assert_eq!(person.submit(&stack, &second.text("/submissionId")).await.status, 200);
    let row = stack.db.store.users().get(&account).await.unwrap().unwrap();
    let yes = KycDecision { verdict: KycVerdict::Verified, reason: None, ..no };
    let decided = decide(&stack, &row, &yes).await;
    let KycDecided::Done(user) = decided else { panic!("not verified") };
    assert_eq!(user.kyc_status, KycStatus::Verified);
    let person = person.refreshed(&stack).await;
    let approved = person.begin(&stack).await;
    assert_eq!((approved.status, approved.code()), (409, "kyc_state"));
}

#[tokio::test]
async fn only_what_was_promised_and_uploaded_is_handed_in() {
    let stack = Stack::new().await;
    let wallet = Wallet::new(1);
    let person = Person::new(&stack, &wallet).await;
    let began = person.begin(&stack).await;
    let id = began.text("/submissionId");
    let nothing = person.submit(&stack, &id).await;
    assert_eq!((nothing.status, nothing.code()), (409, "kyc_documents"));
    assert_eq!(problems(&nothing), [("passport", "is not uploaded"), ("selfie", "is not uploaded")]);
    assert_eq!(upload(&began, "passport", SELFIE).await, 403, "another size");
    let bent = [&PASSPORT[..PASSPORT.len() - 1], b"!"].concat();
    assert_eq!(upload(&began, "passport", &bent).await, 400, "another content");

    // Whatever came into the bucket in another way is judged by what it is.
    let put = |kind: &str, content_type, content: &[u8]| {
        stack.documents.put(&format!("kyc-uploads/{}/{id}/{kind}", wallet.account()), content_type, content);
    };
    put("selfie", "image/png", SELFIE);
    for (content_type, content) in [("image/jpeg", &bent[..]), ("image/png", PASSPORT), ("image/jpeg", SELFIE)] {
        put("passport", content_type, content);
        let refused = person.submit(&stack, &id).await;
        assert_eq!((refused.status, refused.code()), (409, "kyc_documents"));
        assert_eq!(problems(&refused), [("passport", "is not what was promised")]);
    }
    put("passport", "image/jpeg", PASSPORT);
    let stranger = Person::new(&stack, &Wallet::new(2)).await;
    let theirs = stranger.submit(&stack, &id).await;
    assert_eq!((theirs.status, theirs.code()), (404, "not_found"));
    let unknown = person.submit(&stack, "00000000-0000-4000-8000-000000000000").await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    let profile = stack.as_user("auth-profile-get", &person.token).await;
    assert_eq!((&profile.body["kycStatus"], &profile.body["kyc"]), (&json!("pending"), &Value::Null));
    let kept = || stack.documents.objects().into_keys().filter(|key| key.starts_with("kyc/")).count();
    assert_eq!(kept(), 0, "nothing was handed in");
    assert_eq!(person.submit(&stack, &id).await.status, 200);
    assert_eq!(kept(), 2);
}

#[tokio::test]
async fn a_file_is_judged_by_its_first_bytes_and_not_by_its_name() {
    let stack = Stack::new().await;
    let person = Person::new(&stack, &Wallet::new(1)).await;
    let fake = b"GIF89a, a picture that calls itself a PDF";
    let document = |kind: &str, content_type: &str, content: &[u8]| {
        let sha256 = hex::encode(Sha256::digest(content));
        json!({"kind": kind, "contentType": content_type, "size": content.len(), "sha256": sha256})
    };
    let body = json!({"documents": [document("passport", "application/pdf", fake),
        document("selfie", "image/png", SELFIE)]});
    let began = person.send(&stack, with_body("auth-kyc-uploads", &body)).await;
    assert_eq!(began.status, 201, "{}", began.body);
    assert_eq!(upload(&began, "passport", fake).await, 200);
    assert_eq!(upload(&began, "selfie", SELFIE).await, 200);
    let refused = person.submit(&stack, &began.text("/submissionId")).await;
    assert_eq!((refused.status, refused.code()), (409, "kyc_documents"));
    assert_eq!(problems(&refused), [("passport", "is not a file of type application/pdf")]);
}

#[tokio::test]
async fn every_broken_rule_of_the_documents_is_listed() {
    let stack = Stack::new().await;
    let person = Person::new(&stack, &Wallet::new(1)).await;
    let good = json!({"kind": "selfie", "contentType": "image/png", "size": 5, "sha256": "ab".repeat(32)});
    let with = |changed: Value| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        document
    };
    let cases = [
        (json!({}), vec![("documents", "is required")]),
        (json!({"documents": "passport"}), vec![("documents", "must be a list of objects")]),
        (
            json!({"documents": [{"kind": "selfie", "path": "/etc"}, "selfie", null]}),
            vec![
                ("documents[0].path", "is not a known field"),
                ("documents[0].contentType", "is required"),
                ("documents[0].size", "is required"),
                ("documents[0].sha256", "is required"),
                ("documents[1]", "must be an object"),
                ("documents[2]", "is required"),
            ],
        ),
        (json!({"documents": [good]}), vec![("documents", "must have a passport, or both sides of a national id")]),
        (json!({"documents": [good, good]}), vec![("documents", "must not have two of the same kind")]),
        (json!({"documents": [with(json!({"kind": "passport"}))]}), vec![("documents", "must have a selfie")]),
        (json!({"documents": vec![good.clone(); 6]}), vec![("documents", "must have at most 5 entries")]),
        (
            json!({"documents": [
                {"kind": "letter", "contentType": "image/gif", "size": 10_485_761, "sha256": "xyz"}, {"kind": 7}]}),
            vec![
                (
                    "documents[0].kind",
                    "must be one of national_id_front, national_id_back, passport, selfie, proof_of_address",
                ),
                ("documents[0].contentType", "must be one of image/jpeg, image/png, image/webp, application/pdf"),
                ("documents[0].size", "must be a whole number from 1 to 10485760"),
                ("documents[0].sha256", "must be a SHA-256 as 64 hex digits"),
                ("documents[1].kind", "must be a string"),
                ("documents[1].contentType", "is required"),
                ("documents[1].size", "is required"),
                ("documents[1].sha256", "is required"),
            ],
        ),
    ];
    for (body, expected) in cases {
        let refused = person.send(&stack, with_body("auth-kyc-uploads", &body)).await;
        assert_eq!((refused.status, refused.code()), (400, "validation_failed"), "{body}");
        assert_eq!(problems(&refused), expected, "{body}");
    }
    let bad = json!({"submissionId": "x", "fullName": " ", "role": "admin"});
    let refused = person.send(&stack, with_body("auth-kyc-submit", &bad)).await;
    let expected =
        [("role", "is not known"), ("submissionId", "must be a UUID"), ("fullName", "must have 1 to 200 characters")];
    assert_eq!(refused.status, 400);
    let fields: Vec<_> = problems(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, expected.map(|(field, _)| field));
    assert_eq!(problems(&refused)[1..], expected[1..]);
}
