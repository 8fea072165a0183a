//! Access tokens that nobody should accept.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::Outcome;

/// The token, made an hour ago: every time in it an hour earlier, signed again with the deployment's own `secret`
/// (`kid:secret`).
///
/// # Errors
/// The token is no JWT, or the secret has no name.
pub fn an_hour_old(token: &str, secret: &str) -> Outcome<String> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims)) = (parts.next(), parts.next()) else { return Err("not a JWT".into()) };
    let mut claims: Value = serde_json::from_slice(&B64.decode(claims)?)?;
    for (name, value) in claims.as_object_mut().into_iter().flatten() {
        if let (true, Some(at)) = (["exp", "iat", "nbf"].contains(&name.as_str()), value.as_i64()) {
            *value = (at - 3600).into();
        }
    }
    let signed = format!("{header}.{}", B64.encode(claims.to_string()));
    let (_, secret) = secret.split(',').next().and_then(|first| first.split_once(':')).ok_or("no kid:secret")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(signed.as_bytes());
    Ok(format!("{signed}.{}", B64.encode(mac.finalize().into_bytes())))
}
