use std::path::Path;

use super::{m2m, stdout};

/// What the reference implementation derives from the same master key.
fn vector() -> serde_json::Value {
    let lines = include_str!("../../../engine/tests/vectors/interop.jsonl").lines();
    let mut vectors = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    vectors.find(|vector| vector["name"] == "keys").unwrap()
}

/// A key in a file as `m2m keys` wants it.
pub(super) fn key_file(folder: &Path, hex: &str) -> String {
    let path = folder.join("key");
    std::fs::write(&path, hex).unwrap();
    only_owner(&path);
    path.to_str().unwrap().to_owned()
}

#[cfg(unix)]
fn only_owner(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn only_owner(_: &Path) {}

fn words<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

#[test]
fn keys_derive_as_the_reference_implementation_derives_them() {
    let (vector, folder) = (vector(), tempfile::tempdir().unwrap());
    let file = key_file(folder.path(), vector["master_hex"].as_str().unwrap());
    let org = vector["org"].as_str().unwrap();
    let derive = ["keys", "derive", "--key-file", &file, "--org", org, "--show-secret"];
    for (name, path) in [
        ("org_key", &[][..]),
        ("shared", &["--shared"]),
        ("agent-001", &["--agent", "agent-001"]),
        ("agent-001/identity", &["--agent", "agent-001", "--purpose", "identity"]),
        ("agent-001/encryption", &["--agent", "agent-001", "--purpose", "encryption"]),
        ("agent-001/authentication", &["--agent", "agent-001", "--purpose", "authentication"]),
        ("agent-001/session", &["--agent", "agent-001", "--purpose", "session"]),
        ("session agent-002,agent-001,s1", &["--session", "agent-002", "agent-001", "s1"]),
    ] {
        let key = stdout(words(&derive, path), b"");
        assert_eq!(
            String::from_utf8(key).unwrap().trim_end(),
            vector[name].as_str().unwrap(),
            "{name}"
        );
    }
}

#[test]
fn two_sides_agree_on_a_session_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ours, theirs) = (path("ours"), path("theirs"));
    for file in [&ours, &theirs] {
        assert!(stdout(["keys", "generate", "-o", file], b"").is_empty());
    }
    let public = |file: &str| {
        let public = stdout(["keys", "public", "--key-file", file], b"");
        String::from_utf8(public).unwrap().trim_end().to_owned()
    };
    let agreed = |file: &str, public: &str| {
        stdout(["keys", "exchange", "--key-file", file, public, "--show-secret"], b"")
    };
    let key = agreed(&ours, &public(&theirs));
    assert_eq!(key, agreed(&theirs, &public(&ours)));
    assert_eq!(key.len(), 65);

    let low_order =
        m2m(["keys", "exchange", "--key-file", &ours, &"0".repeat(64), "--show-secret"], b"");
    let stderr = String::from_utf8(low_order.stderr).unwrap();
    assert_eq!(stderr, "m2m: the other side's public key is of low order\n");
    assert_eq!(low_order.status.code(), Some(1));
}

#[test]
fn secrets_are_not_printed_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let unasked = m2m(["keys", "generate"], b"");
    assert_eq!(unasked.status.code(), Some(2));
    assert!(unasked.stdout.is_empty());

    let path = folder.path().join("new");
    let file = path.to_str().unwrap();
    assert!(stdout(["keys", "generate", "-o", file], b"").is_empty());
    let again = m2m(["keys", "generate", "-o", file], b"");
    assert_eq!(again.status.code(), Some(1), "an existing key is not overwritten");
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept.len(), 65);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let refused = m2m(["keys", "public", "--key-file", file], b"");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(stderr.contains("has mode 0644: chmod 600 it"), "{stderr}");
        assert_eq!(refused.status.code(), Some(1));
    }

    let wrong = key_file(folder.path(), &kept[..63]);
    let refused = m2m(["keys", "public", "--key-file", &wrong], b"");
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("64 hexadecimal digits, and this has 63"), "{stderr}");
    assert!(!stderr.contains(&kept[..8]), "{stderr}");
}
