//! `matrix --list`: the cells, and whether this machine can run each.

use harness::matrix::Cell;
use serde_json::{Value, json};

use crate::cli::ListFormat;
use crate::commands::common::{print_json, table};

pub fn list(cells: &[Cell], format: ListFormat) -> anyhow::Result<()> {
    match format {
        ListFormat::Json => return print_json(&cells),
        ListFormat::Github => println!("{}", github(cells)),
        ListFormat::Text => {
            let mut table = table(&["SYSTEM", "ARCH", "HERE", "BASE, OR WHY NOT"]);
            for cell in cells {
                let here = if cell.is_available() { "yes" } else { "no" };
                table.add_row([cell.system.to_string(), cell.arch.to_string(), here.to_owned(), cell.reason()]);
            }
            println!("{table}");
        }
    }
    Ok(())
}

/// What `strategy.matrix` takes. What runs elsewhere decides there whether it can: every cell is a job.
pub fn github(cells: &[Cell]) -> Value {
    let job = |cell: &Cell| json!({"os": cell.system.os, "version": cell.system.version, "arch": cell.arch});
    json!({ "include": cells.iter().map(job).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use harness::catalog::{Arch, Catalog};
    use harness::image::Reach;

    use super::*;

    #[test]
    fn github_gets_every_cell_also_those_that_cannot_run_here() {
        let system = Catalog::built_in().find("debian", "12").unwrap().clone();
        let cell = Cell { system, arch: Arch::Arm64, reach: Reach::No(vec!["no registry".to_owned()]) };
        let expected = json!({"include": [{"os": "debian", "version": "12", "arch": "arm64"}]});
        assert_eq!(github(&[cell]), expected);
    }
}
