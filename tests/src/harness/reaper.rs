//! Cleans up after a test process that could not do it itself.
//!
//! Statics are not dropped, and a process that is killed drops nothing. So each broker has a small shell beside it that
//! reads from a pipe whose other end only this process holds: when that end closes without a farewell, the process is gone,
//! and the shell removes the broker. (Linux could kill a child with its parent, but takes the parent to be the
//! *thread* that started it, and libtest runs each test on a thread of its own.)

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Kills the process group that was named last, then removes folder `$1`.
const PROCESS: &str = r#"
    trap '' HUP INT TERM
    while read -r line; do
        case $line in
            farewell) exit ;;
            *) group=$line ;;
        esac
    done
    [ -z "$group" ] || kill -s KILL -- "-$group"
    for again in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf -- "$1" && exit
        sleep 0.1
    done
"#;

/// Removes container `$1`.
const CONTAINER: &str = r#"
    trap '' HUP INT TERM
    while read -r line; do
        [ "$line" != farewell ] || exit
    done
    docker rm --force --volumes "$1"
"#;

/// The shell beside a broker; dropped, it leaves without doing anything.
#[derive(Debug)]
pub(super) struct Reaper(Child);

impl Reaper {
    /// One that removes `dir` and whatever [`Reaper::watch`] names.
    pub(super) fn for_process(dir: &std::path::Path) -> io::Result<Self> {
        Self::spawn(PROCESS, dir.as_os_str())
    }

    /// One that removes a container.
    pub(super) fn for_container(id: &str) -> io::Result<Self> {
        Self::spawn(CONTAINER, id.as_ref())
    }

    fn spawn(script: &str, argument: &std::ffi::OsStr) -> io::Result<Self> {
        Command::new("sh")
            .args(["-c", script, "m2m-reaper"])
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What ends the test process by its group (Ctrl-C) must not end this one.
            .process_group(0)
            .spawn()
            .map(Self)
    }

    /// From now on this process group is to be killed, or none.
    pub(super) fn watch(&mut self, group: Option<u32>) -> io::Result<()> {
        let group = group.map_or_else(String::new, |id| id.to_string());
        self.say(&group)
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.0.stdin {
            Some(pipe) => writeln!(pipe, "{line}"),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        // Neither can be mended here: a shell that is gone does no harm, and one that is not is waited for.
        let _ = self.say("farewell");
        let _ = self.0.wait();
    }
}
