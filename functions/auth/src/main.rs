//! Routes under /api/auth: wallet login, sessions, profile, KYC.

fn main() {}
