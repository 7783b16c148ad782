//! Changing `project.toml` as a person would: what is not touched, comments above all, stays as it is.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::settings::{API_PORT, Remote};
use crate::error::{Failure, Kind, Result};
use crate::files;

/// Changes the file's document and writes it, whole or not at all.
pub(super) fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<(), String>) -> Result<()> {
    let invalid = |saw: String| Failure::new(Kind::Invalid, format!("change {}", path.display())).saw(saw);
    let text = files::read_if_there(path)?.unwrap_or_default();
    let text = String::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| invalid(error.to_string()))?;
    change(&mut document).map_err(invalid)?;
    files::replace(path, document.to_string().as_bytes(), 0o644)
}

/// The table `client`, made if it is not there.
fn client(document: &mut DocumentMut) -> Result<&mut Table, String> {
    let made = document.entry("client").or_insert_with(|| {
        let mut table = Table::new();
        // nothing of its own but the remotes: those have headers themselves
        table.set_implicit(true);
        Item::Table(table)
    });
    made.as_table_mut().ok_or_else(|| "client is no table with a header of its own: write it as [client]".into())
}

/// Sets a key of the table `client`.
pub(super) fn set(document: &mut DocumentMut, key: &str, value: &str) -> Result<(), String> {
    let table = client(document)?;
    table.set_implicit(false);
    table[key] = toml_edit::value(value);
    Ok(())
}

/// The servers, as tables with headers.
fn remotes(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, String> {
    let item = client(document)?.entry("remotes").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if let Some(array) = item.as_array() {
        // a person may have written them on one line
        let tables: Option<ArrayOfTables> =
            array.iter().map(|value| value.as_inline_table().map(|table| table.clone().into_table())).collect();
        *item = Item::ArrayOfTables(tables.ok_or("client.remotes holds something that is no table")?);
    }
    item.as_array_of_tables_mut().ok_or_else(|| "client.remotes is no list of tables: write [[client.remotes]]".into())
}

/// Adds a server.
pub(super) fn add_remote(document: &mut DocumentMut, remote: &Remote) -> Result<(), String> {
    let mut table = Table::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            table[key] = Item::Value(value);
        }
    };
    let text = |value: &Option<String>| value.clone().map(Value::from);
    put("name", Some(remote.name.clone().into()));
    put("address", Some(remote.address.clone().into()));
    put("api_port", (remote.api_port != API_PORT).then(|| i64::from(remote.api_port).into()));
    put("branch", text(&remote.branch));
    put("ssh_host", text(&remote.ssh_host));
    put("ssh_user", text(&remote.ssh_user));
    put("ssh_port", remote.ssh_port.map(|port| i64::from(port).into()));
    put("ssh_identity", text(&remote.ssh_identity));
    put("ssh_config", text(&remote.ssh_config));
    remotes(document)?.push(table);
    Ok(())
}

/// Removes a server.
pub(super) fn remove_remote(document: &mut DocumentMut, name: &str) -> Result<(), String> {
    let remotes = remotes(document)?;
    remotes.retain(|remote| remote.get("name").and_then(Item::as_str) != Some(name));
    if remotes.is_empty() {
        client(document)?.remove("remotes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str) -> Remote {
        toml::from_str(&format!("name = '{name}'\naddress = 'vps.example'\nssh_port = 2222")).unwrap()
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# how it is built\nbuild_type = \"auto\" # or dockerfile\n\nport = 80\n";
        let mut document: DocumentMut = text.parse().unwrap();
        add_remote(&mut document, &remote("a")).unwrap();
        let added = document.to_string();
        let table = "\n[[client.remotes]]\nname = \"a\"\naddress = \"vps.example\"\nssh_port = 2222\n";
        assert_eq!(added, format!("{text}{table}"));
        remove_remote(&mut document, "a").unwrap();
        assert_eq!(document.to_string(), text);
    }

    #[test]
    fn remotes_on_one_line_are_kept() {
        let mut document: DocumentMut = "[client]\nremotes = [{ name = 'old', address = 'x' }]\n".parse().unwrap();
        add_remote(&mut document, &remote("new")).unwrap();
        let text = document.to_string();
        let parsed: toml::Table = toml::from_str(&text).unwrap();
        let names: Vec<_> = parsed["client"]["remotes"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(names, [&toml::Value::from("old"), &toml::Value::from("new")], "{text}");
    }

    #[test]
    fn a_key_of_the_table_is_set_in_its_place() {
        let mut document: DocumentMut = "[client]\n# ours\nbranch = 'a'\n".parse().unwrap();
        set(&mut document, "branch", "b").unwrap();
        assert_eq!(document.to_string(), "[client]\n# ours\nbranch = \"b\"\n");
    }
}
