//! Webhooks that were accepted: which ones, so that none counts twice, and the deploy that the newest one was promised.

use jiff::Timestamp;
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::Store;
use super::open::{DELIVERIES, VALUES, failed, get, put, remove};
use crate::error::Result;

/// How many marks are kept at least; a delivery leaves at most two.
const REMEMBERED: u64 = 2000;
/// How many more there may be before the oldest go: looking for them takes a look at all.
const SURPLUS: u64 = 200;

pub(super) const PROMISE: &str = "promise";
pub(super) const PUSHED: &str = "pushed_commit";

/// What tells a delivery from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// What its sender calls it.
    pub id: Option<String>,
    /// What was signed.
    pub body: Option<String>,
}

/// A deploy that was promised to a webhook and has not ended. At most one is kept: a deploy takes the head of the
/// branch, so that the newest promise holds those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// Its id.
    pub id: String,
    /// Who sent the webhook.
    pub from: String,
    /// The commit that the branch named before, if the sender told.
    pub before: Option<String>,
    /// The commit that was pushed, if the sender told.
    pub commit: Option<String>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It is the first of its kind.
    New,
    /// It was accepted before, at this time; nothing was changed.
    Replay(Timestamp),
}

#[derive(Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
}

impl Store {
    /// Accepts a delivery, and keeps what it was promised, unless it was accepted before: all of it or nothing.
    ///
    /// A body that was seen before under another id counts nevertheless if it takes up where the last accepted push
    /// ended: a branch that was set back and pushed again makes the same body twice, and a replay never fits.
    pub fn accept_delivery(&self, marks: &Marks, promise: Option<&Promise>) -> Result<Acceptance> {
        self.write(|tx| {
            let seen = |mark: &Option<String>| match mark {
                Some(mark) => get::<Mark>(tx, DELIVERIES, mark),
                None => Ok(None),
            };
            if let Some(mark) = seen(&marks.id)? {
                return Ok(Acceptance::Replay(mark.at));
            }
            if let Some(mark) = seen(&marks.body)?
                && !takes_up(tx, promise)?
            {
                return Ok(Acceptance::Replay(mark.at));
            }
            for mark in [&marks.id, &marks.body].into_iter().flatten() {
                put(tx, DELIVERIES, mark, &Mark { at: Timestamp::now() })?;
            }
            if let Some(promise) = promise {
                put(tx, VALUES, PROMISE, promise)?;
                put(tx, VALUES, PUSHED, &promise.commit)?;
            }
            prune(tx)?;
            Ok(Acceptance::New)
        })
    }

    /// The deploy that was promised and has not ended.
    pub fn promise(&self) -> Result<Option<Promise>> {
        self.read(VALUES, PROMISE)
    }

    /// Forgets the promise with this id; a newer one stays.
    pub fn end_promise(&self, id: &str) -> Result<()> {
        self.write(|tx| {
            let kept = get::<Promise>(tx, VALUES, PROMISE)?;
            if kept.is_some_and(|kept| kept.id == id) {
                remove(tx, VALUES, PROMISE)?;
            }
            Ok(())
        })
    }

    /// Forgets every promise.
    pub fn end_promises(&self) -> Result<()> {
        self.write(|tx| remove(tx, VALUES, PROMISE).map(|_| ()))
    }
}

/// Whether a push begins at the commit at which the last accepted one ended.
fn takes_up(tx: &WriteTransaction, promise: Option<&Promise>) -> Result<bool> {
    let Some(before) = promise.and_then(|promise| promise.before.as_ref()) else { return Ok(false) };
    let pushed = get::<Option<String>>(tx, VALUES, PUSHED)?.flatten();
    Ok(pushed.as_ref() == Some(before))
}

/// Forgets the oldest marks once there are too many.
fn prune(tx: &WriteTransaction) -> Result<()> {
    let mut table = tx.open_table(DELIVERIES).map_err(failed)?;
    if table.len().map_err(failed)? <= REMEMBERED + SURPLUS {
        return Ok(());
    }
    let mut marks = Vec::new();
    for entry in table.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        // a record that cannot be read is the oldest of all
        let at = serde_json::from_slice::<Mark>(value.value()).map_or(Timestamp::MIN, |mark| mark.at);
        marks.push((at, key.value().to_owned()));
    }
    marks.sort_unstable();
    let surplus = marks.len().saturating_sub(usize::try_from(REMEMBERED).unwrap_or(usize::MAX));
    for (_, key) in &marks[..surplus] {
        table.remove(key.as_str()).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DataDir;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        (dir, store)
    }

    fn marks(id: &str, body: &str) -> Marks {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Marks { id: given(id), body: given(body) }
    }

    fn push(id: &str, before: &str, commit: &str) -> Promise {
        let (before, commit) = (Some(before.to_owned()), Some(commit.to_owned()));
        Promise { id: id.into(), from: "GitHub".into(), before, commit }
    }

    #[test]
    fn a_delivery_counts_once_and_a_replay_changes_nothing() {
        let (_dir, store) = store();
        let first = push("1", "a", "b");
        assert_eq!(store.accept_delivery(&marks("x", "one"), Some(&first)).unwrap(), Acceptance::New);
        for (id, body) in [("x", "one"), ("x", "other"), ("other", "one")] {
            let again = store.accept_delivery(&marks(id, body), Some(&push("2", "a", "b"))).unwrap();
            assert!(matches!(again, Acceptance::Replay(_)), "{id} {body}");
        }
        assert_eq!(store.promise().unwrap(), Some(first));
        assert_eq!(store.accept_delivery(&marks("", "two"), None).unwrap(), Acceptance::New);
        assert!(matches!(store.accept_delivery(&marks("", "two"), None).unwrap(), Acceptance::Replay(_)));
    }

    #[test]
    fn a_push_that_was_undone_may_be_pushed_again() {
        let (_dir, store) = store();
        let pushes = [("1", "there", "a", "b"), ("2", "back", "b", "a"), ("3", "there", "a", "b")];
        for (id, body, before, after) in pushes {
            let accepted = store.accept_delivery(&marks(id, body), Some(&push(id, before, after))).unwrap();
            assert_eq!(accepted, Acceptance::New, "{id}");
        }
        let replay = store.accept_delivery(&marks("4", "there"), Some(&push("4", "a", "b"))).unwrap();
        assert!(matches!(replay, Acceptance::Replay(_)));
    }

    #[test]
    fn a_promise_survives_and_only_its_own_end_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let store = Store::open(&data).unwrap();
        store.accept_delivery(&marks("1", ""), Some(&push("old", "a", "b"))).unwrap();
        store.accept_delivery(&marks("2", ""), Some(&push("new", "b", "c"))).unwrap();
        drop(store);
        let store = Store::open(&data).unwrap();
        store.end_promise("old").unwrap();
        assert_eq!(store.promise().unwrap().unwrap().id, "new");
        store.end_promise("new").unwrap();
        assert_eq!(store.promise().unwrap(), None);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let (_dir, store) = store();
        store
            .write(|tx| {
                for second in 0..i64::try_from(REMEMBERED + SURPLUS).unwrap() {
                    let at = Timestamp::from_second(second).unwrap();
                    put(tx, DELIVERIES, &second.to_string(), &Mark { at })?;
                }
                Ok(())
            })
            .unwrap();
        store.accept_delivery(&marks("new", ""), None).unwrap();
        assert_eq!(store.all::<Mark>(DELIVERIES).unwrap().len(), 2000);
        assert!(matches!(store.accept_delivery(&marks("new", ""), None).unwrap(), Acceptance::Replay(_)));
        assert!(matches!(store.accept_delivery(&marks("2199", ""), None).unwrap(), Acceptance::Replay(_)));
        assert_eq!(store.accept_delivery(&marks("0", ""), None).unwrap(), Acceptance::New);
    }
}
