//! Safaricom's Daraja API: client, callback types, result-code classifier.
