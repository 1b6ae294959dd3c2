//! Writes a key where only its owner may read it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use m2m_engine::secure::KeyMaterial;

/// Writes a key as 64 hexadecimal digits and a line feed to a new file that only its owner may read (mode 0600 on Unix).
///
/// # Errors
/// When the file is there already, which is never overwritten, or cannot be written.
pub fn write_new(path: &Path, key: &KeyMaterial) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(key.to_hex().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
