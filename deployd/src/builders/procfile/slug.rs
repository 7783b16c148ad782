//! Small files on their way into the builder's container.

use bytes::Bytes;
use futures_util::{Stream, stream};
use tar::{EntryType, Header};

use crate::error::{Failure, Kind, Result};

/// A tar of files, each with its content.
pub(super) fn files<N: AsRef<str>, C: AsRef<str>>(
    files: impl Iterator<Item = (N, C)>,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static> {
    let pack = || {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let content = content.as_ref().as_bytes();
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name.as_ref(), content)?;
        }
        tar.into_inner()
    };
    let packed: std::io::Result<Vec<u8>> = pack();
    let packed = packed.map_err(|error| Failure::new(Kind::Internal, "pack files for the builder").saw(error))?;
    Ok(stream::iter([Ok(Bytes::from(packed))]))
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn each_variable_is_a_file() {
        let packed = files([("A", "one"), ("B", "two\nlines")].into_iter()).unwrap();
        let bytes = packed.try_collect::<Vec<_>>().await.unwrap().concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let found = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let content = std::io::read_to_string(&mut entry).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        let expected = [("A", "one"), ("B", "two\nlines")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
