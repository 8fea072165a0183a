//! `users` as admins see it, and the moves of a user's KYC status.

use descrow_domain::{
    Account, Timestamp,
    audit::{AuditAction, AuditEntry},
    kyc::{DocumentFormat, DocumentKind, KycDecision, KycDocument, KycSubmission, KycVerdict, Sha256},
    notification::{Change, MessagePart, Notification, NotificationKind},
    user::{KycStatus, User},
};
use descrow_store::{KycDecided, KycDraft, KycSubmitted, StoreError, testing::TestStore};
use uuid::Uuid;

use crate::sample::{BUYER, NOW, SELLER, later, user};

const ADMIN: Account = Account::from_bytes([9; 32]);

fn documents() -> Vec<KycDocument> {
    [DocumentKind::Passport, DocumentKind::Selfie]
        .map(|kind| KycDocument { kind, format: DocumentFormat::Jpeg, size: 1000, sha256: Sha256([7; 32]) })
        .into()
}

fn submission(at: Timestamp) -> KycSubmission {
    let full_name = "Amina Wanjiru".parse().unwrap();
    KycSubmission { id: Uuid::now_v7(), full_name, documents: documents(), submitted_at: at, decision: None }
}

fn decision(verdict: KycVerdict, at: Timestamp) -> KycDecision {
    let reason = (verdict == KycVerdict::Rejected).then(|| "The picture is blurred.".parse().unwrap());
    KycDecision { verdict, reason, by: ADMIN, at }
}

fn submitted(of: &User, submission: &KycSubmission) -> User {
    User {
        kyc_status: KycStatus::Submitted,
        kyc: Some(submission.clone()),
        auth_version: of.auth_version + 1,
        updated_at: submission.submitted_at,
        ..of.clone()
    }
}

fn decided(of: &User, status: KycStatus, decision: &KycDecision) -> User {
    let kyc = of.kyc.clone().map(|kyc| KycSubmission { decision: Some(decision.clone()), ..kyc });
    User { kyc_status: status, kyc, auth_version: of.auth_version + 1, updated_at: decision.at, ..of.clone() }
}

/// Decides with an entry of the log, and a notification, of their own.
async fn decide(db: &TestStore, user: &User, decision: &KycDecision) -> Result<KycDecided, StoreError> {
    let action = match decision.verdict {
        KycVerdict::Verified => AuditAction::ApproveKyc,
        KycVerdict::Rejected => AuditAction::RejectKyc,
    };
    // The log is listed from today on.
    let audit = AuditEntry::new(decision.by, action, format!("users/{}", user.id), None, Timestamp::now());
    let change = Change { at: decision.at, version: user.auth_version, row: "users" };
    let notice = Notification {
        user_id: user.id,
        id: change.id(&user.id, MessagePart::Notification),
        kind: NotificationKind::Kyc,
        order_id: None,
        title: "KYC".to_owned(),
        message: "Decided.".to_owned(),
        read: false,
        created_at: decision.at,
    };
    db.store.users().decide_kyc(user, decision, &audit, &notice).await
}

#[tokio::test]
async fn a_submission_is_handed_in_once_decided_once_and_may_follow_a_rejection() {
    let db = TestStore::start().await;
    let users = db.store.users();
    let before = user(SELLER);
    users.create(&before).await.unwrap();
    db.trips.take();
    let first = submission(later(1));
    let waiting = submitted(&before, &first);
    let done = |user: &User| Ok(KycSubmitted::Done(Box::new(user.clone())));
    assert_eq!(users.submit_kyc(&SELLER, &first, 1).await, done(&waiting));
    assert_eq!(db.trips.take(), 1);
    let repeated = KycSubmission { submitted_at: later(2), ..first.clone() };
    assert_eq!(users.submit_kyc(&SELLER, &repeated, 1).await, done(&waiting), "as after a lost reply");
    let other = submission(later(2));
    let refused = |user: &User| Ok(KycSubmitted::Refused(Some(Box::new(user.clone()))));
    assert_eq!(users.submit_kyc(&SELLER, &other, 2).await, refused(&waiting));

    let no = decision(KycVerdict::Rejected, later(3));
    let elsewhere = User { kyc: Some(other.clone()), ..waiting.clone() };
    let wrong = decide(&db, &elsewhere, &no).await;
    assert_eq!(wrong, Ok(KycDecided::Refused(Some(Box::new(waiting.clone())))), "on documents that nobody handed in");
    let rejected = decided(&waiting, KycStatus::Rejected, &no);
    for _ in 0..2 {
        let made = decide(&db, &waiting, &no).await;
        assert_eq!(made, Ok(KycDecided::Done(Box::new(rejected.clone()))));
    }
    let yes = decision(KycVerdict::Verified, later(4));
    let late = decide(&db, &waiting, &yes).await;
    assert_eq!(late, Ok(KycDecided::Refused(Some(Box::new(rejected.clone())))));

    assert_eq!(users.submit_kyc(&SELLER, &other, 2).await, refused(&rejected), "begun before the decision");
    let second = submission(later(5));
    let again = submitted(&rejected, &second);
    assert_eq!(users.submit_kyc(&SELLER, &second, 3).await, done(&again));
    let verified = decided(&again, KycStatus::Verified, &yes);
    assert_eq!(decide(&db, &again, &yes).await, Ok(KycDecided::Done(Box::new(verified.clone()))));
    assert_eq!(users.submit_kyc(&SELLER, &submission(later(6)), 5).await, refused(&verified));
    assert_eq!(users.get(&SELLER).await, Ok(Some(verified)));
    assert_eq!(users.submit_kyc(&BUYER, &second, 1).await, Ok(KycSubmitted::Refused(None)), "nobody is made by it");
    let nobody = User { id: BUYER, ..again };
    assert_eq!(decide(&db, &nobody, &yes).await, Ok(KycDecided::Refused(None)));
    let audit = db.store.audit().list(None, 10).await.unwrap().items;
    let entries: Vec<_> = audit.iter().map(|entry| (entry.action, entry.admin)).collect();
    let expected = [(AuditAction::ApproveKyc, ADMIN), (AuditAction::RejectKyc, ADMIN)];
    assert_eq!(entries, expected, "one for each decision that was made");
    let told = db.store.notifications().list(&SELLER, None, 10).await.unwrap().items;
    assert_eq!(told.iter().map(|row| row.created_at).collect::<Vec<_>>(), [later(4), later(3)]);
}

#[tokio::test]
async fn users_are_listed_by_registration_and_by_what_waits_longest() {
    let db = TestStore::start().await;
    let users = db.store.users();
    let account = |n: u8| Account::from_bytes([n; 32]);
    for n in 1..=9 {
        let user = User { created_at: later(n.into()), ..user(account(n)) };
        users.create(&user).await.unwrap();
    }
    let ids = |page: &descrow_store::Page<User>| page.items.iter().map(|user| user.id).collect::<Vec<_>>();
    let mut listed = Vec::new();
    let mut position = None;
    loop {
        db.trips.take();
        let page = users.list(position.as_deref(), 4).await.unwrap();
        assert_eq!(db.trips.take(), 1);
        listed.extend(ids(&page));
        position = page.next;
        if position.is_none() {
            break;
        }
    }
    assert_eq!(listed, (1..=9).rev().map(account).collect::<Vec<_>>());

    // Handed in from the last to the first: the queue is in that order, whatever changes beside it.
    for (n, at) in [(8, 20), (5, 21), (2, 22)] {
        let made = users.submit_kyc(&account(n), &submission(later(at)), 1).await.unwrap();
        assert!(matches!(made, KycSubmitted::Done(_)));
    }
    users.set_profile(&account(8), &descrow_store::Profile::default(), later(90)).await.unwrap();
    let queue = users.list_by_kyc(KycStatus::Submitted, None, 2).await.unwrap();
    assert_eq!(ids(&queue), [8, 5].map(account));
    let rest = users.list_by_kyc(KycStatus::Submitted, queue.next.as_deref(), 2).await.unwrap();
    assert_eq!((ids(&rest), rest.next), (vec![account(2)], None));
    let pending = users.list_by_kyc(KycStatus::Pending, None, 10).await.unwrap();
    assert_eq!(ids(&pending), [1, 3, 4, 6, 7, 9].map(account));
}

#[tokio::test]
async fn a_draft_is_its_accounts_until_it_is_over() {
    let db = TestStore::start().await;
    let sessions = db.store.sessions();
    let id = Uuid::now_v7();
    let draft = KycDraft::new(id, SELLER, 1, documents(), later(60));
    assert_eq!(sessions.kyc_draft(id, NOW).await, Ok(None));
    assert_eq!(sessions.put_kyc_draft(&draft).await, Ok(true));
    let longer = KycDraft::new(id, SELLER, 1, documents(), later(120));
    assert_eq!(sessions.put_kyc_draft(&longer).await, Ok(true));
    assert_eq!(sessions.put_kyc_draft(&KycDraft::new(id, BUYER, 1, documents(), later(60))).await, Ok(false));
    assert_eq!(sessions.kyc_draft(id, later(119)).await, Ok(Some(longer)));
    assert_eq!(sessions.kyc_draft(id, later(120)).await, Ok(None));
}
