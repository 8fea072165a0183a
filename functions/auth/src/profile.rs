//! `GET` and `PUT /api/auth/profile`: what a user says about itself.

use axum::extract::State;
use descrow_domain::{Timestamp, user::Role};
use descrow_web::{ApiError, Authenticated, Body, Code, Fields, Input, Reply, Request};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Auth,
    user::{Profile, UserView, read_profile},
};

/// All that a user may change of its profile; what is left out is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileRequest {
    /// Where M-Pesa reaches the user.
    #[schema(value_type = Option<String>, pattern = "^254[17][0-9]{8}$", example = "254708374149")]
    phone: Input<String>,
    /// How the user wants to be called.
    #[schema(value_type = Option<String>, max_length = 100, example = "Amina's Shop")]
    display_name: Input<String>,
    /// Contact address.
    #[schema(value_type = Option<String>, format = "email", max_length = 255, example = "amina@example.com")]
    email: Input<String>,
}

impl Request for ProfileRequest {
    type Valid = Profile;

    fn validate(self, fields: &mut Fields) -> Option<Profile> {
        read_profile(fields, self.phone, self.display_name, self.email)
    }
}

/// Whose token is good and who is not there: a user is never removed, so this is another stack's.
pub(crate) fn gone() -> ApiError {
    ApiError::new(Code::SessionRevoked, "There is no such user any more.")
}

/// Read the own profile
#[utoipa::path(get, path = "/api/auth/profile", tag = "auth", operation_id = "readProfile",
    security(("token" = [])),
    responses((status = 200, description = "The user who asks", body = UserView),
        (status = 401, description = "No token, a bad one, or `session_revoked`: the user is no more")))]
pub(crate) async fn read(State(auth): State<Auth>, somebody: Authenticated) -> Result<Reply, ApiError> {
    let user = auth.store.users().get(&somebody.account()).await?;
    Reply::ok(&UserView::from(&user.ok_or_else(gone)?))
}

/// Replace the own profile
///
/// Fields that are left out or `null` are removed. A seller's phone number can be replaced only: payments are sent to it.
#[utoipa::path(put, path = "/api/auth/profile", tag = "auth", operation_id = "changeProfile",
    security(("token" = [])), request_body = ProfileRequest,
    responses(
        (status = 200, description = "The profile as it is now", body = UserView),
        (status = 409, description = "`phone_number_required`: a seller's profile has a phone number")))]
pub(crate) async fn change(
    State(auth): State<Auth>,
    somebody: Authenticated,
    Body(profile): Body<ProfileRequest>,
) -> Result<Reply, ApiError> {
    let (live, ()) = auth.edge.live(somebody, async { Ok::<_, ApiError>(()) }).await?;
    // Refused also where there was none: the seller may be adding one, and listing a product, at the same time.
    if live.role() == Role::Seller && profile.phone.is_none() {
        return Err(ApiError::new(
            Code::PhoneNumberRequired,
            "A seller's profile needs a phone number: buyers' payments are sent to it.",
        ));
    }
    let user = auth.store.users().set_profile(&live.account(), &profile, Timestamp::now()).await?;
    Reply::ok(&UserView::from(&user.ok_or_else(gone)?))
}
