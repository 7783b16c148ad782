//! SFTP over a folder, as OpenSSH answers it; a file named `full` cannot be written.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use russh_sftp::extensions::Statvfs;
use russh_sftp::protocol::{
    Attrs, Data, ExtendedReply, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use russh_sftp::server::Handler;

pub struct Files {
    root: PathBuf,
    open: HashMap<String, (PathBuf, Option<fs::File>)>,
    listed: Vec<String>,
    next: u32,
}

impl Files {
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), open: HashMap::new(), listed: Vec::new(), next: 0 }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn keep(&mut self, id: u32, path: PathBuf, file: Option<fs::File>) -> Handle {
        self.next += 1;
        self.open.insert(self.next.to_string(), (path, file));
        Handle { id, handle: self.next.to_string() }
    }

    fn file(&self, handle: &str) -> Result<&fs::File, StatusCode> {
        self.open.get(handle).and_then(|(_, file)| file.as_ref()).ok_or(StatusCode::BadMessage)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn status(error: io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".to_owned(), language_tag: String::new() }
}

fn attrs(metadata: &fs::Metadata) -> FileAttributes {
    // The conversion of russh-sftp makes a regular file of every link.
    FileAttributes { permissions: Some(metadata.permissions().mode()), ..metadata.into() }
}

impl Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        let mut version = Version::new();
        version.extensions.insert("statvfs@openssh.com".to_owned(), "2".to_owned());
        Ok(version)
    }

    async fn extended(&mut self, id: u32, _: String, _: Vec<u8>) -> Result<Packet, StatusCode> {
        let full = Statvfs {
            block_size: 4096,
            fragment_size: 4096,
            blocks: 36_622,
            blocks_free: 0,
            blocks_avail: 0,
            inodes: 1000,
            inodes_free: 10,
            inodes_avail: 10,
            fs_id: 1,
            flags: 0,
            name_max: 255,
        };
        let data = russh_sftp::ser::to_bytes(&full).map_err(|_| StatusCode::Failure)?.to_vec();
        Ok(Packet::ExtendedReply(ExtendedReply { id, data }))
    }

    async fn open(&mut self, id: u32, path: String, flags: OpenFlags, _: FileAttributes) -> Result<Handle, StatusCode> {
        let path = self.path(&path);
        let write = flags.contains(OpenFlags::WRITE);
        let file = fs::OpenOptions::new().read(!write).write(write).create(write).truncate(write).open(&path);
        Ok(self.keep(id, path, Some(file.map_err(status)?)))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let mut data = vec![0; len as usize];
        let read = self.file(&handle)?.read_at(&mut data, offset).map_err(status)?;
        data.truncate(read);
        if read == 0 { Err(StatusCode::Eof) } else { Ok(Data { id, data }) }
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, StatusCode> {
        if self.open.get(&handle).is_some_and(|(path, _)| path.ends_with("full")) {
            return Err(StatusCode::Failure);
        }
        self.file(&handle)?.write_all_at(&data, offset).map_err(status)?;
        Ok(done(id))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        self.open.remove(&handle);
        Ok(done(id))
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: attrs(&fs::metadata(self.path(&path)).map_err(status)?) })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: attrs(&fs::symlink_metadata(self.path(&path)).map_err(status)?) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: attrs(&self.file(&handle)?.metadata().map_err(status)?) })
    }

    async fn setstat(&mut self, id: u32, path: String, wanted: FileAttributes) -> Result<Status, StatusCode> {
        if let Some(mode) = wanted.permissions {
            fs::set_permissions(self.path(&path), fs::Permissions::from_mode(mode)).map_err(status)?;
        }
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Result<Status, StatusCode> {
        fs::create_dir(self.path(&path)).map_err(status)?;
        Ok(done(id))
    }

    async fn remove(&mut self, id: u32, path: String) -> Result<Status, StatusCode> {
        fs::remove_file(self.path(&path)).map_err(status)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        let path = self.path(&path);
        fs::read_dir(&path).map_err(status)?;
        Ok(self.keep(id, path, None))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        if self.listed.contains(&handle) {
            return Err(StatusCode::Eof);
        }
        let folder = self.open.get(&handle).ok_or(StatusCode::BadMessage)?.0.clone();
        self.listed.push(handle);
        let mut files = vec![File::new(".", FileAttributes::dummy()), File::new("..", FileAttributes::dummy())];
        for entry in fs::read_dir(folder).map_err(status)? {
            let entry = entry.map_err(status)?;
            let metadata = entry.metadata().map_err(status)?;
            files.push(File::new(entry.file_name().to_string_lossy(), attrs(&metadata)));
        }
        Ok(Name { id, files })
    }

    async fn readlink(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let target = fs::read_link(self.path(&path)).map_err(status)?;
        Ok(Name { id, files: vec![File::dummy(target.to_string_lossy())] })
    }

    /// With the two names the way round that OpenSSH reads them.
    async fn symlink(&mut self, id: u32, target: String, path: String) -> Result<Status, StatusCode> {
        symlink(target, self.path(&path)).map_err(status)?;
        Ok(done(id))
    }
}
