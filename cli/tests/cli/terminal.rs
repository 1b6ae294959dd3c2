use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{REQUEST, stdout};

/// What a terminal of so many columns (0: unknown) is given, its exit code, and standard error.
fn on_a_terminal(args: &[&str], columns: u16) -> (Vec<u8>, Option<i32>, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_m2m"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    // Once the last writer has gone, Linux answers with an error instead of an end.
    let _ = File::from(ours).read_to_end(&mut shown);
    let output = child.wait_with_output().unwrap();
    (shown, output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn shown(args: &[&str]) -> Vec<u8> {
    let (shown, code, stderr) = on_a_terminal(args, 0);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{args:?}");
    shown
}

#[test]
fn text_is_given_an_end_of_its_line() {
    assert_eq!(shown(&["decompress", "hello"]), b"hello\r\n");
    assert_eq!(shown(&["decompress", "hello\n"]), b"hello\r\n");
    assert_eq!(stdout(["decompress", "hello"], b""), b"hello");
}

#[test]
fn a_frame_is_shown_in_text_unless_binary_is_asked_for() {
    let text = stdout(["compress", "-a", "m2m", "--text", REQUEST], b"");
    assert_eq!(shown(&["compress", "-a", "m2m", REQUEST]), [&text[..], b"\r\n"].concat());
    let binary = shown(&["compress", "-a", "m2m", "--binary", REQUEST]);
    assert!(binary.starts_with(b"#M2M|1|") && binary.contains(&0), "{binary:?}");
}

#[test]
fn bytes_that_would_steer_it_are_refused() {
    let refused = "m2m: the output is binary; use -o FILE or a pipe\n".to_owned();
    let red = on_a_terminal(&["decompress", "\u{1b}[31mred"], 80);
    assert_eq!(red, (Vec::new(), Some(1), refused));
}

#[test]
fn a_table_is_whole_where_the_width_is_unknown() {
    let lines = String::from_utf8(shown(&["inspect", REQUEST])).unwrap();
    assert_eq!(lines.replace("\r\n", "\n").into_bytes(), stdout(["inspect", REQUEST], b""));
}

#[test]
fn a_table_fits_into_a_width_that_is_known() {
    let turns = r#"{"role":"user","content":"a"},{"role":"assistant","content":"b"},"#.repeat(9);
    let request = format!(r#"{{"model":"o3","messages":[{}]}}"#, turns.trim_end_matches(','));
    let longest = |table: Vec<u8>| {
        let table = String::from_utf8(table).unwrap();
        table.lines().skip(1).map(|line| line.trim_end().chars().count()).max().unwrap()
    };
    assert!(longest(stdout(["inspect", &request], b"")) > 100);
    assert!(longest(on_a_terminal(&["inspect", &request], 80).0) <= 80);
}

#[test]
fn a_scan_of_records_shows_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    std::fs::write(&path, "{\"text\":\"be kind\"}\n".repeat(10)).unwrap();
    let (shown, code, stderr) = on_a_terminal(&["scan", "--jsonl", path.to_str().unwrap()], 80);
    // The bar is for standard error, which is no terminal here.
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(shown.starts_with("10 records: 10 clean, 0 flagged, 0 blocked"), "{shown}");
}
