//! Logs of the functions and of the stack's parts.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    thread::sleep,
    time::Duration,
};

use anyhow::Context as _;

use crate::{interrupt::Interrupt, layout::Layout};

/// Prints a log; with `follow`, until Ctrl-C.
pub(crate) fn run(layout: &Layout, name: &str, follow: bool) -> anyhow::Result<()> {
    let path = layout.log(name);
    let mut file = File::open(&path).with_context(|| match known(layout).join(", ") {
        none if none.is_empty() => {
            format!("there are no logs in {}; `cargo xtask up` makes them", layout.logs().display())
        }
        known => format!("there is no log of {name}; there are {known}"),
    })?;
    let interrupt = Interrupt::listen()?;
    let mut out = std::io::stdout().lock();
    loop {
        std::io::copy(&mut file, &mut out)?;
        out.flush()?;
        if !follow || interrupt.is_set() {
            return Ok(());
        }
        sleep(Duration::from_millis(200));
        // A new `up` begins its logs anew.
        if file.metadata()?.len() < file.stream_position()? {
            file = File::open(&path)?;
        }
    }
}

/// What there are logs of, sorted.
fn known(layout: &Layout) -> Vec<String> {
    let files = fs::read_dir(layout.logs()).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".log").map(ToOwned::to_owned)).collect();
    names.sort();
    names
}

/// The last `lines` of a log; empty where there is none.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    const MOST: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let path = std::env::temp_dir().join(format!("xtask-tail-{}", std::process::id()));
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(tail(&path, 2), "two\nthree");
        assert_eq!(tail(&path, 9), "one\ntwo\nthree");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(tail(&path, 2), "");
    }
}
