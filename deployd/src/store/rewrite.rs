//! Writing the database anew: a change leaves what it replaced in free pages of the file, and those go with the old file.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

use super::migrations::{META, copy_schema};
use super::open::{failed, open_file};
use crate::error::Result;
use crate::files;

/// The same records in a new file at the same place. Whoever is killed on the way finds the old file.
pub(super) fn rewrite(old: Database, path: &Path) -> Result<Database> {
    let new = path.with_extension("new");
    files::remove_file(&new)?;
    copy(&old, &open_file(&new)?)?;
    drop(old);
    files::put_in_place(&new, path)?;
    open_file(path)
}

fn copy(old: &Database, new: &Database) -> Result<()> {
    let (from, to) = (old.begin_read().map_err(failed)?, new.begin_write().map_err(failed)?);
    for table in from.list_tables().map_err(failed)?.filter(|table| table.name() != META.name()) {
        let records = TableDefinition::<&str, &[u8]>::new(table.name());
        let mut copied = to.open_table(records).map_err(failed)?;
        for record in from.open_table(records).map_err(failed)?.iter().map_err(failed)? {
            let (key, value) = record.map_err(failed)?;
            copied.insert(key.value(), value.value()).map_err(failed)?;
        }
    }
    copy_schema(&from.open_table(META).map_err(failed)?, &to)?;
    to.commit().map_err(failed)
}
