//! The schema version of a database, and the steps that lead to that of this program.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde_json::Value;

use super::Store;
use super::open::{DELIVERIES, DEPLOYS, SESSIONS, USERS, VALUES, VARIABLES, failed, put, records};
use crate::error::{Failure, Kind, Result};
use crate::seal::{Seal, Secret};

/// Numbers about the database itself.
pub(super) const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
/// The number of steps that the database has taken.
const SCHEMA: &str = "schema";
/// Is there as long as free pages of the file may hold what a step has taken out of the records.
const REMAINS: &str = "remains";

/// A step from one schema version to the next.
type Migration = fn(&WriteTransaction, &Seal) -> Result<()>;

/// The steps from an empty file to the schema of this version. Only ever append: the schema version is their number.
pub(super) const MIGRATIONS: &[Migration] = &[make_tables, make_tables_of_people, seal_codes];

impl Store {
    /// Takes the steps that the database has not taken yet, all of them or none.
    pub(super) fn migrate(&self, migrations: &[Migration]) -> Result<()> {
        let newest = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
        self.write(|tx| {
            let at = tx.open_table(META).map_err(failed)?.get(SCHEMA).map_err(failed)?.map_or(0, |at| at.value());
            if at > newest {
                let failure = Failure::new(Kind::Internal, "open the database");
                let saw = format!("its schema is {at} and this version knows {newest}");
                return Err(failure.saw(saw).hint("a newer deployd made it: run that version or a later one"));
            }
            for step in migrations.iter().skip(at as usize) {
                step(tx, self.seal())?;
            }
            note(tx, SCHEMA, newest)
        })
    }

    /// Whether the file has to be written anew before nothing is left of what a step has taken out.
    pub(super) fn holds_remains(&self) -> Result<bool> {
        let table = self.begin_read()?.open_table(META).map_err(failed)?;
        Ok(table.get(REMAINS).map_err(failed)?.is_some())
    }
}

/// Carries the schema version over to a file that has no remains.
pub(super) fn copy_schema(from: &impl ReadableTable<&'static str, u32>, to: &WriteTransaction) -> Result<()> {
    let schema = from.get(SCHEMA).map_err(failed)?.map_or(0, |at| at.value());
    note(to, SCHEMA, schema)
}

fn note(tx: &WriteTransaction, name: &str, value: u32) -> Result<()> {
    tx.open_table(META).map_err(failed)?.insert(name, value).map_err(failed)?;
    Ok(())
}

fn make_tables(tx: &WriteTransaction, _: &Seal) -> Result<()> {
    for table in [VALUES, SESSIONS, DEPLOYS] {
        tx.open_table(table).map_err(failed)?;
    }
    Ok(())
}

fn make_tables_of_people(tx: &WriteTransaction, _: &Seal) -> Result<()> {
    for table in [VARIABLES, USERS, DELIVERIES] {
        tx.open_table(table).map_err(failed)?;
    }
    Ok(())
}

/// The secrets of one-time codes lay in clear. The records are read as they were then, whatever they become later.
fn seal_codes(tx: &WriteTransaction, seal: &Seal) -> Result<()> {
    let users: Vec<(String, Value)> = records(&tx.open_table(USERS).map_err(failed)?)?;
    for (name, mut user) in users {
        let Some(Value::String(secret)) = user.pointer_mut("/second_factor/secret") else { continue };
        *secret = seal.seal(Secret::CodesOf(&name), secret)?;
        put(tx, USERS, &name, &user)?;
        note(tx, REMAINS, 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::DataDir;
    use crate::store::open::open_file;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    /// A database as the version before wrote it: users with one-time codes, more than go into one page, and one without.
    fn older(data: &DataDir) {
        let database = open_file(&data.database()).unwrap();
        let tx = database.begin_write().unwrap();
        let seal = Seal::open(data).unwrap();
        for step in [make_tables, make_tables_of_people] {
            step(&tx, &seal).unwrap();
        }
        let codes = serde_json::json!({ "secret": SECRET, "last_step": 7, "backup_codes": ["c0de"] });
        let more = (0..100).map(|n| (format!("more-{n}"), codes.clone()));
        for (name, factor) in
            [("ann".to_owned(), codes.clone()), ("bob".to_owned(), Value::Null)].into_iter().chain(more)
        {
            let user = serde_json::json!({
                "name": name, "password": "$argon2id$", "level": "user", "second_factor": factor,
                "created_at": "2026-01-02T03:04:05Z",
            });
            put(&tx, USERS, &name, &user).unwrap();
        }
        note(&tx, SCHEMA, 2).unwrap();
        tx.commit().unwrap();
    }

    fn holds_secret(data: &DataDir) -> bool {
        let database = std::fs::read(data.database()).unwrap();
        database.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    }

    fn check(store: &Store, data: &DataDir) {
        assert!(!holds_secret(data));
        let factor = store.user("ann").unwrap().unwrap().second_factor.unwrap();
        assert_eq!(store.seal().open_as(Secret::CodesOf("ann"), &factor.secret).unwrap(), SECRET);
        assert_eq!((factor.last_step, factor.backup_codes), (7, vec!["c0de".to_owned()]));
        assert!(store.user("bob").unwrap().unwrap().second_factor.is_none());
        assert!(!store.holds_remains().unwrap());
    }

    #[test]
    fn a_clear_secret_of_an_older_version_is_sealed_and_leaves_nothing_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        older(&data);
        assert!(holds_secret(&data));
        check(&Store::open(&data).unwrap(), &data);
        // what is sealed already is not sealed again
        check(&Store::open(&data).unwrap(), &data);
    }

    #[test]
    fn a_kill_before_the_file_is_written_anew_leaves_that_to_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        older(&data);
        let killed = Store::without_migration(&data).unwrap();
        killed.migrate(MIGRATIONS).unwrap();
        drop(killed);
        assert!(holds_secret(&data));
        std::fs::write(data.database().with_extension("new"), "cut off").unwrap();
        check(&Store::open(&data).unwrap(), &data);
    }

    #[test]
    fn a_newer_schema_is_refused_and_an_older_one_is_migrated_once() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        drop(Store::open(&data).unwrap());
        let store = Store::open(&data).unwrap();
        let next: Migration = |tx, _| {
            assert!(tx.open_table(VALUES).map_err(failed)?.insert("two", b"2".as_slice()).map_err(failed)?.is_none());
            Ok(())
        };
        let steps = [MIGRATIONS, &[next]].concat();
        store.migrate(&steps).unwrap();
        store.migrate(&steps).unwrap();
        assert_eq!(store.read::<u8>(VALUES, "two").unwrap(), Some(2));
        drop(store);
        let failure = Store::open(&data).unwrap_err().to_string();
        assert!(failure.contains("newer deployd"), "{failure}");
    }
}
