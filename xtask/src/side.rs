//! One side of a copy: a path on this machine, or `NAME:/path` on a VPS.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a copy comes from or goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// On this machine.
    Here(PathBuf),
    /// On a VPS, of which the name may be left out where there is only one.
    There { name: Option<String>, path: String },
}

impl FromStr for Side {
    type Err = Infallible;

    /// As scp reads it: a colon before the first slash ends the name of a machine; `./a:b` is a file here.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once(':') {
            Some((name, path)) if !name.contains('/') => {
                let name = (!name.is_empty()).then(|| name.to_owned());
                Self::There { name, path: if path.is_empty() { "~/".to_owned() } else { path.to_owned() } }
            }
            _ => Self::Here(text.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_a_colon_is_a_vps_and_a_path_with_one_is_not() {
        let there =
            |name: Option<&str>, path: &str| Side::There { name: name.map(str::to_owned), path: path.to_owned() };
        for (text, side) in [
            ("a:/etc/hosts", there(Some("a"), "/etc/hosts")),
            ("a:", there(Some("a"), "~/")),
            (":/x:y", there(None, "/x:y")),
            ("./a:b", Side::Here("./a:b".into())),
            ("/tmp/a:b", Side::Here("/tmp/a:b".into())),
            ("file", Side::Here("file".into())),
        ] {
            assert_eq!(text.parse(), Ok(side), "{text}");
        }
    }
}
