//! What a deploy tool must survive, as runnable cases.
