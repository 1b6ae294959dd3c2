#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::error::Error as _;
use std::path::Path;

use m2m_engine::secure::{KeyError, KeyMaterial};

use super::{KeySource, LoadError, write_new};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn command(argv: &[&str]) -> KeySource {
    KeySource::Command(argv.iter().map(ToString::to_string).collect())
}

#[test]
fn a_written_key_is_read_again_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = KeyMaterial::generate().unwrap();
    write_new(&path, &key).unwrap();
    assert!(KeySource::File(path.clone()).load().unwrap() == key);
    let again = write_new(&path, &key).unwrap_err();
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    let missing = KeySource::File(folder.path().join("none")).load().unwrap_err();
    assert!(matches!(missing, LoadError::Read { .. }));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_new(&path, &KeyMaterial::from_hex(HEX).unwrap()).unwrap();
    let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    for mode in [0o640, 0o604, 0o644, 0o660, 0o622] {
        set(mode);
        let error = KeySource::File(path.clone()).load().unwrap_err();
        assert!(matches!(error, LoadError::Permissions { mode: found, .. } if found == mode));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    set(0o400);
    KeySource::File(path.clone()).load().unwrap();
}

#[test]
fn a_command_gives_a_key_by_its_output() {
    let key = command(&["echo", HEX]).load().unwrap();
    assert_eq!(key.to_hex().as_str(), HEX);
    assert!(matches!(command(&["false"]).load(), Err(LoadError::Status { .. })));
    assert!(matches!(command(&[]).load(), Err(LoadError::NoProgram)));
    assert!(matches!(command(&["/no/such/program"]).load(), Err(LoadError::Read { .. })));
    // However much it writes: it is told that nobody reads on, and its end is no success.
    assert!(matches!(command(&["cat", "/dev/zero"]).load(), Err(LoadError::Status { .. })));
}

#[test]
fn an_environment_variable_gives_a_key() {
    // Set by cargo for every test, and no key: what is not set differs from what is wrong.
    let error = KeySource::Env("CARGO_PKG_NAME".to_owned()).load().unwrap_err();
    assert!(matches!(error, LoadError::Key { error: KeyError::Len { len: 8 }, .. }));
    let error = KeySource::Env("M2M_NO_SUCH_VARIABLE".to_owned()).load().unwrap_err();
    assert!(matches!(error, LoadError::NoVariable { .. }));
}

#[test]
fn errors_do_not_tell_what_was_there() {
    let nearly = format!("{}x", HEX.get(1..).unwrap());
    let error = command(&["echo", &nearly]).load().unwrap_err();
    let told = format!("{error} {error:?} {}", error.source().unwrap());
    assert!(!told.contains("0102"), "{told}");
    assert!(told.contains("the command echo"), "{told}");
    assert!(
        KeySource::File(Path::new("/etc/m2m.key").to_owned()).to_string().contains("/etc/m2m.key")
    );
}
