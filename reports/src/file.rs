//! Files that appear whole or not at all, so that a reader never sees half of one.

use std::{
    io::{self, Write},
    path::Path,
};
use tempfile::NamedTempFile;

/// Writes a file, replacing one that is there.
///
/// # Errors
/// When its folder does not take a new file; what was there before is left as it was.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = beside(path)?;
    temporary.write_all(text.as_bytes())?;
    temporary.persist(path).map(drop).map_err(|e| e.error)
}

/// A new file in the folder of `path`, with the permissions that new files have: to be written, and then moved there.
///
/// # Errors
/// When the folder does not take it.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".squall-").suffix(".part");
    #[cfg(unix)]
    {
        use std::{fs::Permissions, os::unix::fs::PermissionsExt};
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

/// The folder that a path names a file in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("a.yaml");
        write(&path, "one").expect("it can be written");
        write(&path, "two").expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "two");
        let left = fs::read_dir(dir.path()).expect("it can be read").count();
        assert_eq!(left, 1);
        assert!(write(&dir.path().join("no/a.yaml"), "").is_err());
    }
}
