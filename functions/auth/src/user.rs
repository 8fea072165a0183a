//! A user as the API shows it to itself.

use descrow_domain::{Msisdn, kyc::KycSubmission, user::User};
use descrow_web::{Fields, Input};
use serde::Serialize;
use utoipa::ToSchema;

/// What a user may say about itself: phone, display name, e-mail.
pub(crate) use descrow_store::Profile;

/// A user, to itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// The account, in SS58 with the generic prefix.
    #[schema(example = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")]
    id: String,
    /// `buyer`, `seller` or `admin`.
    #[schema(example = "seller")]
    role: &'static str,
    /// `pending`, `submitted`, `verified` or `rejected`.
    #[schema(example = "pending")]
    kyc_status: &'static str,
    /// What was handed in last for the identity check; `null` before that.
    kyc: Option<KycView>,
    /// Where M-Pesa reaches the user.
    #[schema(example = "254708374149")]
    phone: Option<String>,
    /// How the user wants to be called.
    #[schema(example = "Amina's Shop")]
    display_name: Option<String>,
    /// Contact address.
    #[schema(example = "amina@example.com")]
    email: Option<String>,
    /// When the account was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// When any of this last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Documents that were handed in, and what became of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Kyc)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KycView {
    /// The submission.
    #[schema(format = "uuid")]
    submission_id: String,
    /// What each document shows.
    #[schema(example = json!(["national_id_front", "national_id_back", "selfie"]))]
    documents: Vec<&'static str>,
    /// When they were handed in.
    #[schema(format = DateTime)]
    submitted_at: String,
    /// When an admin decided; `null` while they wait.
    #[schema(format = DateTime)]
    decided_at: Option<String>,
    /// Why, where the admin said so; a rejection always has a reason.
    reason: Option<String>,
}

impl From<&KycSubmission> for KycView {
    fn from(submission: &KycSubmission) -> Self {
        let decision = submission.decision.as_ref();
        Self {
            submission_id: submission.id.to_string(),
            documents: submission.documents.iter().map(|document| document.kind.as_str()).collect(),
            submitted_at: submission.submitted_at.rfc3339(),
            decided_at: decision.map(|decision| decision.at.rfc3339()),
            reason: decision.and_then(|decision| decision.reason.as_ref()).map(|reason| reason.as_str().to_owned()),
        }
    }
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            role: user.role.as_str(),
            kyc_status: user.kyc_status.as_str(),
            kyc: user.kyc.as_ref().map(KycView::from),
            phone: user.phone.as_ref().map(|phone| phone.digits().to_owned()),
            display_name: user.display_name.as_ref().map(|name| name.as_str().to_owned()),
            email: user.email.as_ref().map(|email| email.as_str().to_owned()),
            created_at: user.created_at.rfc3339(),
            updated_at: user.updated_at.rfc3339(),
        }
    }
}

/// Reads what a user says about itself, in a registration or a change of profile.
pub(crate) fn read_profile(
    fields: &mut Fields,
    phone: Input<String>,
    display_name: Input<String>,
    email: Input<String>,
) -> Option<Profile> {
    let phone = fields.optional::<Msisdn>("phone", phone);
    let display_name = fields.optional("displayName", display_name);
    let email = fields.optional_with("email", email, |text| {
        // A mailbox is proven by a mail that arrives; here only what cannot be one is refused.
        let shaped = text.trim().split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        if !shaped || text.trim().chars().any(char::is_whitespace) {
            return Err("must be an e-mail address".to_owned());
        }
        text.parse().map_err(|error: descrow_domain::text::InvalidText| error.to_string())
    });
    Some(Profile { phone: phone?, display_name: display_name?, email: email? })
}
