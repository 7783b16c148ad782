//! Copies by SFTP: files, folders, modes, links, and errors that name the file and the side.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use harness::ssh::Session;
use harness::{Error, Result};
use tempfile::TempDir;

use crate::server::{Mood, Server, pattern};

struct Sides {
    here: TempDir,
    there: TempDir,
    session: Session,
    _server: Server,
}

async fn sides() -> Sides {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let server = Server::start(Mood { files: Some(there.path().to_owned()), ..Mood::default() }).await;
    Sides { here, there, session: server.connect().await, _server: server }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down_with_its_mode() -> Result<()> {
    let Sides { here, there, session, _server } = sides().await;
    let (from, back) = (here.path().join("from"), here.path().join("back"));
    let bytes = pattern(1_000_000);
    fs::write(&from, &bytes).unwrap();
    set_mode(&from, 0o750);
    session.upload(&from, "/file").await?;
    assert!(fs::read(there.path().join("file")).unwrap() == bytes);
    assert_eq!(mode(&there.path().join("file")), 0o750);
    session.download("/file", &back).await?;
    assert!(fs::read(&back).unwrap() == bytes);
    assert_eq!(mode(&back), 0o750);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 2, "no part of a download is left");
    Ok(())
}

#[tokio::test]
async fn bytes_replace_a_file_and_are_read_back() -> Result<()> {
    let Sides { there, session, here: _here, _server } = sides().await;
    session.upload_bytes(b"a longer text", "/etc-file", 0o644).await?;
    session.upload_bytes(b"short", "/etc-file", 0o600).await?;
    assert_eq!(fs::read(there.path().join("etc-file")).unwrap(), b"short");
    assert_eq!(mode(&there.path().join("etc-file")), 0o600);
    assert_eq!(session.download_bytes("/etc-file").await?, b"short");
    Ok(())
}

#[tokio::test]
async fn a_folder_goes_up_and_comes_down_with_modes_links_and_empty_folders() -> Result<()> {
    let Sides { here, there, session, _server } = sides().await;
    let tree = here.path().join("tree");
    fs::create_dir_all(tree.join("sub/empty")).unwrap();
    fs::write(tree.join("run"), "#!/bin/sh").unwrap();
    set_mode(&tree.join("run"), 0o755);
    fs::write(tree.join("sub/data"), pattern(300_000)).unwrap();
    symlink("sub/data", tree.join("link")).unwrap();
    // It can be filled only before it gets this mode.
    set_mode(&tree.join("sub"), 0o555);

    let check = |root: &Path| {
        assert_eq!(mode(&root.join("run")), 0o755);
        assert_eq!(mode(&root.join("sub")), 0o555);
        assert!(root.join("sub/empty").is_dir());
        assert!(fs::read(root.join("sub/data")).unwrap() == pattern(300_000));
        assert_eq!(fs::read_link(root.join("link")).unwrap(), Path::new("sub/data"));
    };
    session.upload(&tree, "/").await?;
    check(&there.path().join("tree"));
    session.download("/tree", &here.path().join("copy")).await?;
    check(&here.path().join("copy"));
    for root in [&tree, &there.path().join("tree"), &here.path().join("copy")] {
        set_mode(&root.join("sub"), 0o755);
    }
    // A second time over what is there.
    session.upload(&tree, "/tree").await?;
    Ok(())
}

#[tokio::test]
async fn what_ends_in_a_slash_is_a_folder_to_put_it_into_on_both_sides() -> Result<()> {
    let Sides { here, there, session, _server } = sides().await;
    let file = here.path().join("file");
    fs::write(&file, "text").unwrap();
    for (folder, at) in [("/sub/", "sub/file"), ("/", "file"), ("/sub/..", "sub/../file")] {
        fs::create_dir_all(there.path().join("sub")).unwrap();
        session.upload(&file, folder).await?;
        assert_eq!(fs::read(there.path().join(at)).unwrap(), b"text", "{folder}");
        fs::remove_file(there.path().join(at)).unwrap();
    }
    session.upload(&file, "/sub/").await?;
    let into = here.path().join("into/");
    fs::create_dir(&into).unwrap();
    session.download("/sub/file", &into).await?;
    session.download("/sub/", &into).await?;
    assert_eq!(fs::read(into.join("file")).unwrap(), b"text");
    assert_eq!(fs::read(into.join("sub/file")).unwrap(), b"text");
    Ok(())
}

#[tokio::test]
async fn errors_name_the_file_and_the_side() {
    let Sides { here, session, there: _there, _server } = sides().await;
    let missing = here.path().join("missing");
    let error = session.download("/nothing", &missing).await.unwrap_err();
    assert!(matches!(error, Error::Copy(_)), "{error}");
    assert!(error.to_string().contains("on the VPS, /nothing: there is no such file"), "{error}");

    let error = session.upload(&missing, "/x").await.unwrap_err().to_string();
    assert!(error.contains(&format!("here, {}: No such file", missing.display())), "{error}");

    let file = here.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = session.upload(&file, "/no/folder/x").await.unwrap_err().to_string();
    assert!(error.contains("on the VPS, /no/folder/x: No such file"), "{error}");
    session.upload_bytes(b"x", "/file", 0o644).await.unwrap();
    let error = session.download("/file", here.path()).await.unwrap_err().to_string();
    assert!(error.contains("is a folder: with a / at its end"), "{error}");
    session.upload(here.path(), "/folder").await.unwrap();
    let error = session.upload(&file, "/folder").await.unwrap_err().to_string();
    assert!(error.contains("on the VPS, /folder: is a folder: with a / at its end"), "{error}");
    let error = session.upload(&file, "/full").await.unwrap_err().to_string();
    assert!(error.starts_with("copy: mock (a): upload "), "{error}");
    assert!(error.contains("on the VPS, /full: "), "{error}");
    assert!(error.contains("its disk is full: 150 MB, none free"), "{error}");
    let error = session.download("/full-of-nothing", here.path().join("no/folder").as_path()).await.unwrap_err();
    assert!(error.to_string().contains("on the VPS, /full-of-nothing"), "{error}");
}

#[tokio::test]
async fn a_server_without_sftp_is_told_apart() {
    let server = Server::start(Mood::default()).await;
    let error = server.connect().await.upload_bytes(b"x", "/x", 0o644).await.unwrap_err().to_string();
    assert!(error.contains("no SFTP there") && error.contains("openssh-sftp-server"), "{error}");
}
