//! Access tokens: JWT, HS256 and nothing else, with two secrets at once for rotation.

use std::str::FromStr;

use descrow_domain::{
    Account, Timestamp,
    user::{KycStatus, Role},
};
use descrow_platform::Secret;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::ErrorKind,
    signature,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use uuid::Uuid;

use crate::{ApiError, Code};

/// Whom access tokens are for.
const AUDIENCE: &str = "descrow-api";
/// Whom refresh tokens are for: neither kind passes for the other.
const REFRESH_AUDIENCE: &str = "descrow-refresh";
/// Clocks of two Lambda sandboxes may differ by this many seconds.
const LEEWAY: u64 = 2;
/// HS256 wants a key as long as its hash (RFC 7518 §3.2).
const SECRET_BYTES: usize = 32;

/// What a token says. `ver` is the user's `auth_version` when it was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: Account,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: Uuid,
    pub(crate) role: Role,
    pub(crate) kyc: KycStatus,
    pub(crate) fam: Uuid,
    pub(crate) ver: u64,
}

/// A refresh token: number `counter` of its family. Whether it is the valid one, the family's row knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose it is.
    pub account: Account,
    /// Its family: the session.
    pub family: Uuid,
    /// Its number in the family.
    pub counter: u64,
}

#[derive(Serialize, Deserialize)]
struct RefreshClaims {
    iss: String,
    aud: String,
    sub: Account,
    iat: i64,
    exp: i64,
    fam: Uuid,
    cnt: u64,
}

/// The signing secrets, as `JWT_SECRET` has them: `kid:secret[,kid:secret…]`. The first signs, all verify.
#[derive(Clone)]
pub struct SigningKeys(Vec<(String, Secret)>);

/// `JWT_SECRET` is not a list of `kid:secret` with distinct names and secrets of at least 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not kid:secret[,kid:secret] with distinct kids and secrets of at least 32 bytes")]
pub struct InvalidSigningKeys;

impl FromStr for SigningKeys {
    type Err = InvalidSigningKeys;

    fn from_str(text: &str) -> Result<Self, InvalidSigningKeys> {
        let mut keys: Vec<(String, Secret)> = Vec::new();
        for part in text.split(',') {
            let (kid, secret) = part.trim().split_once(':').ok_or(InvalidSigningKeys)?;
            let known = keys.iter().any(|(other, _)| other == kid);
            if kid.is_empty() || known || secret.len() < SECRET_BYTES {
                return Err(InvalidSigningKeys);
            }
            keys.push((kid.to_owned(), Secret::new(secret)));
        }
        Ok(Self(keys))
    }
}

/// What a new token is to say of its user.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The user.
    pub account: Account,
    /// Its role.
    pub role: Role,
    /// How far its identity is checked.
    pub kyc: KycStatus,
    /// The refresh family that the token belongs to: its session.
    pub family: Uuid,
    /// The user's `auth_version`.
    pub auth_version: u64,
}

/// Issues and verifies access tokens.
pub struct Tokens {
    issuer: String,
    lifetime: i64,
    signing: (String, EncodingKey),
    verifying: Vec<(String, DecodingKey)>,
    validation: Validation,
    refresh_validation: Validation,
}

fn validation(audience: &str, issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = LEEWAY;
    validation
}

impl Tokens {
    /// Tokens of `issuer` that live for `lifetime` seconds.
    ///
    /// # Errors
    /// [`InvalidSigningKeys`] when there is no key.
    pub fn new(keys: &SigningKeys, issuer: String, lifetime: i64) -> Result<Self, InvalidSigningKeys> {
        // Another part of the process may have installed it already, which is as good.
        let _already = HS256_ONLY.install_default();
        let (kid, secret) = keys.0.first().ok_or(InvalidSigningKeys)?;
        Ok(Self {
            signing: (kid.clone(), EncodingKey::from_secret(secret.expose().as_bytes())),
            verifying: keys
                .0
                .iter()
                .map(|(kid, secret)| (kid.clone(), DecodingKey::from_secret(secret.expose().as_bytes())))
                .collect(),
            validation: validation(AUDIENCE, &issuer),
            refresh_validation: validation(REFRESH_AUDIENCE, &issuer),
            issuer,
            lifetime,
        })
    }

    /// How long a token lives, in seconds.
    pub fn lifetime(&self) -> i64 {
        self.lifetime
    }

    /// An access token for `subject`, issued at `now`.
    ///
    /// # Errors
    /// An internal error if signing failed.
    pub fn issue(&self, subject: &Subject, now: Timestamp) -> Result<String, ApiError> {
        self.sign(&Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: subject.account,
            iat: now.seconds(),
            exp: now.seconds().saturating_add(self.lifetime),
            jti: Uuid::now_v7(),
            role: subject.role,
            kyc: subject.kyc,
            fam: subject.family,
            ver: subject.auth_version,
        })
    }

    /// A refresh token, issued at `now`, good until `expires`.
    ///
    /// # Errors
    /// An internal error if signing failed.
    pub fn issue_refresh(&self, token: &RefreshToken, now: Timestamp, expires: Timestamp) -> Result<String, ApiError> {
        self.sign(&RefreshClaims {
            iss: self.issuer.clone(),
            aud: REFRESH_AUDIENCE.to_owned(),
            sub: token.account,
            iat: now.seconds(),
            exp: expires.seconds(),
            fam: token.family,
            cnt: token.counter,
        })
    }

    /// What a refresh token says, if this service issued it and its time is not over.
    ///
    /// # Errors
    /// 401.
    pub fn verify_refresh(&self, token: &str) -> Result<RefreshToken, ApiError> {
        let claims: RefreshClaims = self
            .read(token, &self.refresh_validation)
            .map_err(|code| ApiError::new(code, "The refresh token is not valid any more. Log in again."))?;
        Ok(RefreshToken { account: claims.sub, family: claims.fam, counter: claims.cnt })
    }

    /// What an access token says, if this service issued it and its time is not over.
    pub(crate) fn verify(&self, token: &str) -> Result<Claims, Code> {
        self.read(token, &self.validation)
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, ApiError> {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.signing.0.clone());
        jsonwebtoken::encode(&header, claims, &self.signing.1).map_err(ApiError::internal)
    }

    fn read<T: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Result<T, Code> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Code::InvalidToken)?;
        let kid = header.kid.ok_or(Code::InvalidToken)?;
        let (_, key) = self.verifying.iter().find(|(known, _)| *known == kid).ok_or(Code::InvalidToken)?;
        match jsonwebtoken::decode::<T>(token, key, validation) {
            Ok(data) => Ok(data.claims),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err(Code::TokenExpired),
            Err(_) => Err(Code::InvalidToken),
        }
    }
}

/// The library's own back end brings RSA and three curves along, which no token of ours uses.
static HS256_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, secret: &[u8]) -> jsonwebtoken::errors::Result<Self> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(tag).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64};

    use super::*;

    const OLD: &str = "old:0123456789abcdef0123456789abcdef";
    const NEW: &str = "new:fedcba9876543210fedcba9876543210";

    fn tokens(keys: &str, issuer: &str) -> Tokens {
        Tokens::new(&keys.parse().unwrap(), issuer.into(), 900).unwrap()
    }

    fn subject() -> Subject {
        Subject {
            account: Account::from_bytes([7; 32]),
            role: Role::Seller,
            kyc: KycStatus::Verified,
            family: Uuid::now_v7(),
            auth_version: 3,
        }
    }

    #[test]
    fn a_token_says_what_it_was_issued_with() {
        let (tokens, subject, now) = (tokens(NEW, "d"), subject(), Timestamp::now());
        let claims = tokens.verify(&tokens.issue(&subject, now).unwrap()).unwrap();
        assert_eq!((claims.sub, claims.role, claims.kyc), (subject.account, subject.role, subject.kyc));
        assert_eq!((claims.fam, claims.ver, claims.exp - claims.iat), (subject.family, 3, 900));
    }

    #[test]
    fn both_keys_verify_during_a_rotation_and_the_first_signs() {
        let issued = tokens(OLD, "d").issue(&subject(), Timestamp::now()).unwrap();
        let rotated = tokens(&format!("{NEW},{OLD}"), "d");
        assert!(rotated.verify(&issued).is_ok());
        let fresh = rotated.issue(&subject(), Timestamp::now()).unwrap();
        assert_eq!(jsonwebtoken::decode_header(&fresh).unwrap().kid.as_deref(), Some("new"));
        assert_eq!(tokens(NEW, "d").verify(&issued), Err(Code::InvalidToken));
    }

    #[test]
    fn an_expired_token_is_told_apart() {
        let tokens = tokens(NEW, "d");
        let past = Timestamp::now().plus_seconds(-900 - i64::try_from(LEEWAY).unwrap() - 1);
        assert_eq!(tokens.verify(&tokens.issue(&subject(), past).unwrap()), Err(Code::TokenExpired));
    }

    #[test]
    fn a_token_of_somebody_else_is_refused() {
        let ours = tokens(NEW, "d");
        let issued = ours.issue(&subject(), Timestamp::now()).unwrap();
        assert_eq!(tokens(NEW, "other").verify(&issued), Err(Code::InvalidToken));
        let [head, body, tag] = issued.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        let claims: serde_json::Value = serde_json::from_slice(&B64.decode(body).unwrap()).unwrap();
        let forged = {
            let mut claims = claims.clone();
            claims["role"] = "admin".into();
            B64.encode(claims.to_string())
        };
        let none = B64.encode(r#"{"alg":"none","kid":"new"}"#);
        let hs512 = B64.encode(r#"{"alg":"HS512","kid":"new"}"#);
        let unnamed = B64.encode(r#"{"alg":"HS256"}"#);
        for bad in [
            format!("{head}.{forged}.{tag}"),
            format!("{none}.{body}."),
            format!("{none}.{body}.{tag}"),
            format!("{hs512}.{body}.{tag}"),
            format!("{unnamed}.{body}.{tag}"),
            format!("{head}.{body}"),
            format!("{head}.{body}.{}", &tag[1..]),
            String::new(),
        ] {
            assert_eq!(ours.verify(&bad), Err(Code::InvalidToken), "{bad}");
        }
    }

    #[test]
    fn neither_kind_of_token_passes_for_the_other() {
        let (tokens, now) = (tokens(NEW, "d"), Timestamp::now());
        let refresh = RefreshToken { account: subject().account, family: Uuid::now_v7(), counter: 4 };
        let issued = tokens.issue_refresh(&refresh, now, now.plus_seconds(60)).unwrap();
        assert_eq!(tokens.verify_refresh(&issued).unwrap(), refresh);
        assert_eq!(tokens.verify(&issued), Err(Code::InvalidToken));
        let access = tokens.issue(&subject(), now).unwrap();
        assert_eq!(tokens.verify_refresh(&access).unwrap_err().code(), Code::InvalidToken);
        let over = tokens.issue_refresh(&refresh, now, now.plus_seconds(-60)).unwrap();
        assert_eq!(tokens.verify_refresh(&over).unwrap_err().code(), Code::TokenExpired);
    }

    #[test]
    fn bad_secrets_are_refused() {
        for bad in ["", "nokid", "a:short", &format!("{NEW},{NEW}"), ":0123456789abcdef0123456789abcdef"] {
            assert!(bad.parse::<SigningKeys>().is_err(), "{bad}");
        }
    }
}
