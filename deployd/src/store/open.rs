//! Opening the database, and its records as changes and readers see them.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::migrations::MIGRATIONS;
use super::rewrite::rewrite;
use crate::error::{Failure, Kind, Result};
use crate::seal::Seal;
use crate::settings::DataDir;

/// Single values by name.
pub(super) const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
/// Sessions by id.
pub(super) const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");
/// Deploys by id; ids sort by time.
pub(super) const DEPLOYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("deploys");

/// The application's variables by name.
pub(super) const VARIABLES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("variables");
/// Users by name.
pub(super) const USERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("users");
/// Webhooks that were accepted, by what tells them apart: a second one is a replay.
pub(super) const DELIVERIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("deliveries");

/// The pages kept in memory; the state of one project is small, and so should the daemon be.
const CACHE: usize = 1024 * 1024;

/// The database. Its calls block for at most one flush to the disk.
#[derive(Debug)]
pub struct Store {
    database: Database,
    seal: Seal,
    /// Told each time that sessions have been ended.
    pub(super) sessions_ended: watch::Sender<()>,
}

/// An error of the database as a failure.
pub(super) fn failed(error: impl Into<redb::Error>) -> Failure {
    let hint = "look at the disk of the data directory: it may be full or failing";
    Failure::new(Kind::Internal, "use the database").saw(error.into()).hint(hint)
}

/// Opens the file of a database, or makes it.
pub(super) fn open_file(path: &Path) -> Result<Database> {
    redb::Builder::new().set_cache_size(CACHE).create(path).map_err(|error| {
        let failure = Failure::new(Kind::Internal, format!("open the database {}", path.display())).saw(error);
        failure.hint("only one daemon may use a data directory; stop the other one")
    })
}

impl Store {
    /// Opens the database of a data directory, makes it if there is none, and brings it to the schema of this version.
    pub fn open(data: &DataDir) -> Result<Self> {
        let mut store = Self::without_migration(data)?;
        store.migrate(MIGRATIONS)?;
        if store.holds_remains()? {
            store.database = rewrite(store.database, &data.database())?;
        }
        Ok(store)
    }

    pub(super) fn without_migration(data: &DataDir) -> Result<Self> {
        // the database first: it is locked, so that no other daemon makes a key at the same time
        let database = open_file(&data.database())?;
        Ok(Self { database, seal: Seal::open(data)?, sessions_ended: watch::Sender::default() })
    }

    /// The cipher for what must lie in no record in clear.
    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// A view of everything that does not change.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction> {
        self.database.begin_read().map_err(failed)
    }

    /// Changes several things at once or none of them; returns when the change is on the disk.
    pub(super) fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T>) -> Result<T> {
        let tx = self.database.begin_write().map_err(failed)?;
        let value = change(&tx)?;
        tx.commit().map_err(failed)?;
        Ok(value)
    }

    /// One record.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        table: TableDefinition<'_, &str, &[u8]>,
        key: &str,
    ) -> Result<Option<T>> {
        let tx = self.begin_read()?;
        let found = tx.open_table(table).map_err(failed)?.get(key).map_err(failed)?;
        found.map(|value| parse(value.value())).transpose()
    }

    /// Every record of a table, in the order of the keys.
    pub(super) fn all<T: DeserializeOwned>(&self, table: TableDefinition<'_, &str, &[u8]>) -> Result<Vec<(String, T)>> {
        let tx = self.begin_read()?;
        records(&tx.open_table(table).map_err(failed)?)
    }
}

/// Every record of a table that is open, in the order of the keys.
pub(super) fn records<T: DeserializeOwned>(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<(String, T)>> {
    let entries = table.iter().map_err(failed)?.map(|entry| {
        let (key, value) = entry.map_err(failed)?;
        Ok((key.value().to_owned(), parse(value.value())?))
    });
    entries.collect()
}

/// One record as a change sees it.
pub(super) fn get<T: DeserializeOwned>(
    tx: &WriteTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    key: &str,
) -> Result<Option<T>> {
    let table = tx.open_table(table).map_err(failed)?;
    let found = table.get(key).map_err(failed)?;
    found.map(|value| parse(value.value())).transpose()
}

/// Puts one record.
pub(super) fn put<T: Serialize>(
    tx: &WriteTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    key: &str,
    value: &T,
) -> Result<()> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Failure::new(Kind::Internal, format!("write the record {key}")).saw(error))?;
    tx.open_table(table).map_err(failed)?.insert(key, json.as_slice()).map_err(failed)?;
    Ok(())
}

/// Removes one record; says whether there was one.
pub(super) fn remove(tx: &WriteTransaction, table: TableDefinition<'_, &str, &[u8]>, key: &str) -> Result<bool> {
    let mut table = tx.open_table(table).map_err(failed)?;
    let removed = table.remove(key).map_err(failed)?;
    Ok(removed.is_some())
}

/// Keeps the records of a table that `keep` says; one that cannot be read goes. Answers how many went.
pub(super) fn retain<T: DeserializeOwned>(
    tx: &WriteTransaction,
    table: TableDefinition<'_, &str, &[u8]>,
    keep: impl Fn(&T) -> bool,
) -> Result<usize> {
    let mut gone = 0;
    let mut keep = |json: &[u8]| {
        let kept = parse(json).is_ok_and(|record| keep(&record));
        gone += usize::from(!kept);
        kept
    };
    tx.open_table(table).map_err(failed)?.retain(|_, json| keep(json)).map_err(failed)?;
    Ok(gone)
}

/// Removes every record of a table.
pub(super) fn clear(tx: &WriteTransaction, table: TableDefinition<'_, &str, &[u8]>) -> Result<()> {
    tx.open_table(table).map_err(failed)?.retain(|_, _| false).map_err(failed)
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|error| Failure::new(Kind::Internal, "read a record of the database").saw(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&DataDir::new(dir.path())).unwrap();
        let failed = store.write(|tx| {
            put(tx, VALUES, "a", &1)?;
            Err::<(), _>(Failure::new(Kind::Internal, "stop"))
        });
        assert!(failed.is_err());
        assert_eq!(store.read::<u8>(VALUES, "a").unwrap(), None);
    }
}
