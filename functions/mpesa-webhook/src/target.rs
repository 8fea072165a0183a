//! Which payment a URL belongs to, and what it claims to know.

use descrow_domain::PaymentId;
use descrow_mpesa::CallbackKind;

/// What a callback URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Proves that we made the URL.
    pub token: String,
    /// The payment it was made for.
    pub payment: PaymentId,
    /// What the callback is about; `None` on the main path, where the body says.
    pub kind: Option<CallbackKind>,
}

/// Reads `path`, which is `/hooks/{token}/{payment}` or `/hooks/{token}/{payment}/{kind}`, or the alias
/// `/api/mpesa/webhook` with `token`, `id` and perhaps `kind` in the query. `None` for anything else.
pub fn target<'a>(path: &str, query: impl Fn(&str) -> Option<&'a str>) -> Option<Target> {
    if path == "/api/mpesa/webhook" {
        return parse(query("token")?, query("id")?, query("kind"));
    }
    let mut parts = path.strip_prefix("/hooks/")?.split('/');
    let (token, payment, kind) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    parse(token, payment, kind)
}

fn parse(token: &str, payment: &str, kind: Option<&str>) -> Option<Target> {
    let kind = match kind {
        None => None,
        Some("timeout") => Some(CallbackKind::Timeout),
        Some("status") => Some(CallbackKind::Status),
        Some(_) => return None,
    };
    Some(Target { token: token.to_owned(), payment: payment.parse().ok()?, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190a2b0000070008000000000000001";

    fn expected(kind: Option<CallbackKind>) -> Target {
        Target { token: "ab12".into(), payment: ID.parse().unwrap(), kind }
    }

    #[test]
    fn the_path_says_what_the_callback_is_about() {
        let read = |tail: &str| target(&format!("/hooks/ab12/{ID}{tail}"), |_| None);
        assert_eq!(read(""), Some(expected(None)));
        assert_eq!(read("/timeout"), Some(expected(Some(CallbackKind::Timeout))));
        assert_eq!(read("/status"), Some(expected(Some(CallbackKind::Status))));
        for bad in ["/stk", "/timeout/x", "/"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_alias_says_the_same_in_its_query() {
        let query = |kind: Option<&'static str>| {
            move |name: &str| match name {
                "token" => Some("ab12"),
                "id" => Some(ID),
                "kind" => kind,
                _ => None,
            }
        };
        assert_eq!(target("/api/mpesa/webhook", query(None)), Some(expected(None)));
        assert_eq!(target("/api/mpesa/webhook", query(Some("status"))), Some(expected(Some(CallbackKind::Status))));
        assert_eq!(target("/api/mpesa/webhook", |_| None), None);
    }

    #[test]
    fn other_paths_are_nobody_s() {
        for path in ["", "/", "/hooks", "/hooks/ab12", "/hooks/ab12/nonsense", "/other/ab12/x"] {
            assert_eq!(target(path, |_| None), None, "{path}");
        }
    }
}
