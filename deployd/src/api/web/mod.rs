//! The web page: its files, its session in a cookie, and what keeps other sites away from both.

mod accept;
mod cookie;
mod files;
mod headers;
mod origin;
pub(super) mod session;

pub(super) use accept::prefers_html;
pub(super) use cookie::token as cookie_token;
pub(super) use files::files;
pub(super) use headers::protect;
pub(super) use origin::demand_own;
pub(super) use session::PAGE;
