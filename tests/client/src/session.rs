//! Signing in with a wallet.

use serde_json::{Value, json};

use crate::{
    api::{Api, ApiError, Call, text_at},
    wallet::Wallet,
};

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    api: Api,
    account: String,
    token: String,
    refresh_token: String,
}

/// How to register where the account is new.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// `buyer` or `seller`.
    pub role: &'a str,
    /// Where M-Pesa reaches the user.
    pub phone: &'a str,
    /// How the user wants to be called.
    pub display_name: &'a str,
}

impl Session {
    /// Registers the wallet's account; signs in where it is registered already, and then sets the phone.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn open(api: &Api, wallet: &Wallet, registration: Registration<'_>) -> Result<Self, ApiError> {
        let mut proof = prove(api, wallet).await?;
        if let Some(fields) = proof.as_object_mut() {
            fields.insert("role".into(), registration.role.into());
            fields.insert("phone".into(), registration.phone.into());
            fields.insert("displayName".into(), registration.display_name.into());
        }
        match api.post("/api/auth/register", &proof).send().await {
            Ok(body) => Self::of(api, wallet, &body),
            Err(error) if error.refusal().is_some_and(|(status, _)| status == 409) => {
                let session = Self::log_in(api, wallet).await?;
                let profile = json!({ "phone": registration.phone, "displayName": registration.display_name });
                session.put("/api/auth/profile", &profile).send().await?;
                Ok(session)
            }
            Err(error) => Err(error),
        }
    }

    /// Signs in an account that is registered.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn log_in(api: &Api, wallet: &Wallet) -> Result<Self, ApiError> {
        let body = api.post("/api/auth/login", &prove(api, wallet).await?).send().await?;
        Self::of(api, wallet, &body)
    }

    fn of(api: &Api, wallet: &Wallet, body: &Value) -> Result<Self, ApiError> {
        let token = text_at(body, "/accessToken", "/api/auth")?;
        let refresh_token = text_at(body, "/refreshToken", "/api/auth")?;
        Ok(Self { api: api.clone(), account: wallet.account().to_string(), token, refresh_token })
    }

    /// The same account with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// The account in SS58.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The refresh token that came with it.
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// `GET path` as this user.
    pub fn get(&self, path: &str) -> Call {
        self.api.get(path).token(&self.token)
    }

    /// `POST path` as this user.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.api.post(path, body).token(&self.token)
    }

    /// `PUT path` as this user.
    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.api.call(reqwest::Method::PUT, path).json(body).token(&self.token)
    }

    /// `POST path` with a form as this user.
    pub fn upload(&self, path: &str, form: reqwest::multipart::Form) -> Call {
        self.api.call(reqwest::Method::POST, path).form(form).token(&self.token)
    }
}

/// Asks for a challenge and signs it.
async fn prove(api: &Api, wallet: &Wallet) -> Result<Value, ApiError> {
    let path = "/api/auth/challenge";
    let account = wallet.account().to_string();
    let challenge = api.post(path, &json!({ "account": account })).send().await?;
    let signature = wallet.sign(&text_at(&challenge, "/message", path)?);
    Ok(json!({ "account": account, "nonce": text_at(&challenge, "/nonce", path)?, "signature": signature }))
}
