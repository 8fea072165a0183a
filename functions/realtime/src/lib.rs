//! The WebSocket API's routes: connect by a single-use ticket, disconnect, and the few messages a client may send.
//!
//! Browsers cannot set headers on a WebSocket, so a client first fetches a ticket with its access token
//! (`POST /api/realtime/ticket`) and connects with it as a query parameter; a ticket that leaks into an access log is spent.
//! Answers are pushed like any other message, so one road leads to the client and needs no route response in the API.

pub mod connect;
pub mod disconnect;
pub mod message;
pub mod route;
pub mod rows;
