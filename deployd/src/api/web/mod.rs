//! The web page: its files, its session in a cookie, and what keeps other sites away from both.

mod accept;
mod cookie;
mod files;
mod headers;
mod origin;
mod session;

pub(super) use accept::prefers_html;
pub(super) use cookie::token as cookie_token;
pub(super) use files::{FILES, serve};
pub(super) use headers::protect;
pub(super) use origin::demand_own;
pub(super) use session::{PAGE, logout, session};
