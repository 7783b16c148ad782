//! Opening the database, its schema version and its migrations.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Failure, Kind, Result};

/// Numbers about the database itself.
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
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

/// A step from one schema version to the next.
type Migration = fn(&WriteTransaction) -> Result<()>;

/// The steps from an empty file to the schema of this version. Only ever append: the schema version is their number.
const MIGRATIONS: &[Migration] = &[make_tables, make_tables_of_people];

/// The pages kept in memory; the state of one project is small, and so should the daemon be.
const CACHE: usize = 1024 * 1024;

/// The database. Its calls block for at most one flush to the disk.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

/// An error of the database as a failure.
pub(super) fn failed(error: impl Into<redb::Error>) -> Failure {
    let hint = "look at the disk of the data directory: it may be full or failing";
    Failure::new(Kind::Internal, "use the database").saw(error.into()).hint(hint)
}

impl Store {
    /// Opens the file, makes it if there is none, and brings it to the schema of this version.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = redb::Builder::new().set_cache_size(CACHE).create(path);
        let database = opened.map_err(|error| {
            let failure = Failure::new(Kind::Internal, format!("open the database {}", path.display())).saw(error);
            failure.hint("only one daemon may use a data directory; stop the other one")
        })?;
        let store = Self { database };
        store.migrate(MIGRATIONS)?;
        Ok(store)
    }

    fn migrate(&self, migrations: &[Migration]) -> Result<()> {
        let newest = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
        self.write(|tx| {
            let at = tx.open_table(META).map_err(failed)?.get("schema").map_err(failed)?.map_or(0, |at| at.value());
            if at > newest {
                let failure = Failure::new(Kind::Internal, "open the database");
                let saw = format!("its schema is {at} and this version knows {newest}");
                return Err(failure.saw(saw).hint("a newer deployd made it: run that version or a later one"));
            }
            for step in migrations.iter().skip(at as usize) {
                step(tx)?;
            }
            tx.open_table(META).map_err(failed)?.insert("schema", newest).map_err(failed)?;
            Ok(())
        })
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
        let tx = self.database.begin_read().map_err(failed)?;
        let found = tx.open_table(table).map_err(failed)?.get(key).map_err(failed)?;
        found.map(|value| parse(value.value())).transpose()
    }

    /// Every record of a table, in the order of the keys.
    pub(super) fn all<T: DeserializeOwned>(&self, table: TableDefinition<'_, &str, &[u8]>) -> Result<Vec<(String, T)>> {
        let tx = self.database.begin_read().map_err(failed)?;
        let table = tx.open_table(table).map_err(failed)?;
        let mut records = Vec::new();
        for entry in table.iter().map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            records.push((key.value().to_owned(), parse(value.value())?));
        }
        Ok(records)
    }
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

fn make_tables(tx: &WriteTransaction) -> Result<()> {
    for table in [VALUES, SESSIONS, DEPLOYS] {
        tx.open_table(table).map_err(failed)?;
    }
    Ok(())
}

fn make_tables_of_people(tx: &WriteTransaction) -> Result<()> {
    for table in [VARIABLES, USERS, DELIVERIES] {
        tx.open_table(table).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_an_older_one_is_migrated_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        drop(Store::open(&path).unwrap());
        let store = Store::open(&path).unwrap();
        let next: Migration = |tx| {
            assert!(tx.open_table(VALUES).map_err(failed)?.insert("two", b"2".as_slice()).map_err(failed)?.is_none());
            Ok(())
        };
        let steps = [make_tables, make_tables_of_people, next];
        store.migrate(&steps).unwrap();
        store.migrate(&steps).unwrap();
        assert_eq!(store.read::<u8>(VALUES, "two").unwrap(), Some(2));
        drop(store);
        let failure = Store::open(&path).unwrap_err().to_string();
        assert!(failure.contains("newer deployd"), "{failure}");
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db")).unwrap();
        let failed = store.write(|tx| {
            put(tx, VALUES, "a", &1)?;
            Err::<(), _>(Failure::new(Kind::Internal, "stop"))
        });
        assert!(failed.is_err());
        assert_eq!(store.read::<u8>(VALUES, "a").unwrap(), None);
    }
}
