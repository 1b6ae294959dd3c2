//! `--key-file` and `--security`.

use super::keys::key_file;
use super::{REQUEST, bytes, m2m, stdout, vectors};

/// Exit code 1, nothing on standard output, this line on standard error.
fn refused(args: &[&str], stdin: &[u8], message: &str) {
    let output = m2m(args, stdin);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("m2m: {message}\n"), "{args:?}");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{args:?}");
}

const FORGED: &str = "the message is not authentic";

#[test]
fn what_was_secured_comes_back_with_its_key_alone() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [right, wrong] = [("07", &folders[0]), ("08", &folders[1])]
        .map(|(byte, folder)| key_file(folder.path(), &byte.repeat(32)));
    for payload in [REQUEST.as_bytes(), b"", b"x", b"\xff\0", b"#M2M|1|"] {
        for security in [&[][..], &["--security", "hmac"], &["--security", "aead"]] {
            for form in [&["--binary"][..], &["--text"]] {
                let key = ["--key-file", &right];
                let frame = stdout([&["compress"], &key[..], security, form].concat(), payload);
                assert_eq!(stdout([&["decompress"], &key[..]].concat(), &frame), payload);
                refused(&["decompress", "--key-file", &wrong], &frame, FORGED);
                let mut damaged = frame.clone();
                *damaged.last_mut().unwrap() ^= 1;
                refused(&["decompress", "--key-file", &right], &damaged, FORGED);
            }
        }
    }
}

#[test]
fn a_key_means_that_the_message_has_to_be_secured_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_file(folder.path(), &"07".repeat(32));
    let decompress = ["decompress", "--key-file", &key];
    refused(
        &decompress,
        b"plain",
        "the message is less secure than the policy requires: a plain payload",
    );
    for (form, message) in [
        (&["-a", "m2m"][..], "a frame that is neither signed nor encrypted"),
        (&["-a", "m2m", "--text"], "a frame that is neither signed nor encrypted"),
        (&["-a", "tn"], "the token-native form, which cannot be signed"),
        (&["-a", "br"], "the Brotli text form, which cannot be signed"),
    ] {
        let frame = stdout([&["compress"], form].concat(), REQUEST.as_bytes());
        refused(
            &decompress,
            &frame,
            &format!("the message is less secure than the policy requires: {message}"),
        );
    }
    let sign = ["compress", "--key-file", &key, "--security", "hmac"];
    let signed = stdout(sign, REQUEST.as_bytes());
    assert_eq!(stdout(decompress, &signed), REQUEST.as_bytes());
    refused(
        &[&decompress[..], &["--security", "aead"]].concat(),
        &signed,
        "the message is less secure than the policy requires: a frame secured with hmac where the minimum is aead (security.minimum)",
    );
    let needs =
        "the frame is secured (hmac), and no key is configured: give it with --key-file FILE";
    refused(&["decompress"], &signed, needs);
}

#[test]
fn what_the_reference_implementation_secured_opens() {
    for vector in vectors() {
        for security in ["hmac", "aead"] {
            let folder = tempfile::tempdir().unwrap();
            let key = key_file(folder.path(), vector[security]["key_hex"].as_str().unwrap());
            let frame = bytes(&vector[security]["frame_hex"]);
            let payload = stdout(["decompress", "--key-file", &key], &frame);
            assert_eq!(payload, vector["text"].as_str().unwrap().as_bytes());
        }
    }
}

#[test]
fn forms_that_cannot_be_secured_do_not_go_with_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = key_file(folder.path(), &"07".repeat(32));
    for command in ["compress", "decompress"] {
        for form in ["tn", "br", "none"] {
            let output = m2m([command, "--key-file", &key, "-a", form], b"x");
            assert_eq!(output.status.code(), Some(2));
            assert!(String::from_utf8(output.stderr).unwrap().contains("--key-file goes with"));
        }
        let output = m2m([command, "--security", "aead"], b"x");
        assert_eq!(output.status.code(), Some(2), "--security without a key");
    }
    let missing = folder.path().join("missing");
    let output = m2m(["compress", "--key-file", missing.to_str().unwrap()], b"x");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_refused_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let key = key_file(folder.path(), &"07".repeat(32));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    let output = m2m(["compress", "--key-file", &key], REQUEST.as_bytes());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("chmod 600") && !message.contains("0707"), "{message}");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
}
