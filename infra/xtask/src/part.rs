//! The processes of a stack: started in groups of their own, remembered in a file, recognised again, stopped with their children.
//!
//! A process id alone says nothing after a while: the system gives it to somebody else. So each part is remembered with the time
//! its process began, and only a process that matches both is ever signalled.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};

use crate::{interrupt::Interrupt, layout::Layout, logs};

/// How long a part has to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// A process that `up` started, with everything it started itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) pid: i32,
    /// When the process began, as the system tells it; opaque.
    began: String,
}

impl Part {
    pub(crate) fn alive(&self) -> bool {
        beginning(self.pid).is_some_and(|began| began == self.began)
    }

    /// Ends the part's whole process group, at first politely.
    fn stop(&self) {
        let Some(group) = Pid::from_raw(self.pid) else { return };
        // The leader may be gone while its children live; its id is not given away before the group is empty.
        let ours = || self.alive() || (beginning(self.pid).is_none() && test_kill_process_group(group).is_ok());
        // It may end by itself between any two calls here, which is all that a failure to signal it can mean.
        if ours() {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let deadline = Instant::now() + GRACE;
        while self.alive() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
        if ours() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// When process `pid` began; nothing where there is none or it is only waiting to be buried.
fn beginning(pid: i32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // pid (name) state …; the name may hold anything, the start time is the 22nd field.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?;
        return (state != "Z").then(|| fields.nth(18).map(ToOwned::to_owned)).flatten();
    }
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, began) = text.trim().split_once(' ')?;
    (!state.starts_with('Z')).then(|| began.trim().to_owned())
}

/// The parts of one stack, in the order of their start.
pub(crate) struct Parts {
    file: PathBuf,
    list: Vec<Part>,
}

impl Parts {
    /// The parts remembered in the stack's folder.
    pub(crate) fn open(layout: &Layout) -> anyhow::Result<Self> {
        let file = layout.dir().join("parts.json");
        let list = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        Ok(Self { file, list })
    }

    pub(crate) fn list(&self) -> &[Part] {
        &self.list
    }

    /// Whether there is a stack and all of it runs.
    pub(crate) fn all_alive(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(Part::alive)
    }

    /// Starts a process in a group of its own, with its output in the part's log. The caller sees to its readiness.
    pub(crate) fn start(&mut self, layout: &Layout, name: &str, command: &mut Command) -> anyhow::Result<Part> {
        fs::create_dir_all(layout.logs())?;
        let log = File::create(layout.log(name))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {}", command.get_program().display()))?;
        let pid = i32::try_from(child.id())?;
        let part = Part { name: name.to_owned(), pid, began: beginning(pid).unwrap_or_default() };
        // Waits in the background, so that an ended part does not linger as a zombie.
        std::thread::spawn(move || {
            let mut child = child;
            child.wait()
        });
        self.list.push(part.clone());
        self.save()?;
        Ok(part)
    }

    /// Waits until `ready` gives something; fails with the log's end if the part ends or takes longer than `limit`.
    pub(crate) fn wait<T>(
        layout: &Layout,
        interrupt: &Interrupt,
        part: &Part,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            interrupt.check()?;
            if let Some(value) = ready() {
                return Ok(value);
            }
            let problem = match () {
                () if !part.alive() => "ended",
                () if Instant::now() > deadline => "is not ready in time",
                () => {
                    sleep(Duration::from_millis(50));
                    continue;
                }
            };
            anyhow::bail!("{} {problem}; the end of its log:\n{}", part.name, logs::tail(&layout.log(&part.name), 25));
        }
    }

    /// Stops all parts, the last started first, and forgets them.
    pub(crate) fn stop_all(&mut self) -> anyhow::Result<()> {
        while let Some(part) = self.list.last() {
            part.stop();
            self.list.pop();
            self.save()?;
        }
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn save(&self) -> anyhow::Result<()> {
        let new = self.file.with_extension("json.new");
        fs::write(&new, serde_json::to_vec_pretty(&self.list)?)?;
        fs::rename(&new, &self.file).context("cannot remember the stack's processes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> Layout {
        let dir = std::env::temp_dir().join(format!("xtask-part-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Layout::new(Some(dir)).unwrap()
    }

    #[test]
    fn a_part_is_recognised_by_another_process_and_stopped_with_its_children() {
        let layout = scratch("children");
        let mut parts = Parts::open(&layout).unwrap();
        // The shell leaves a child behind that ignores polite requests' usual route: it is not the leader.
        let part = parts.start(&layout, "shell", Command::new("sh").args(["-c", "sleep 60 & echo $!; wait"])).unwrap();
        let log = layout.log("shell");
        let child: i32 = loop {
            if let Ok(pid) = fs::read_to_string(&log).unwrap().trim().parse() {
                break pid;
            }
            sleep(Duration::from_millis(10));
        };
        let mut again = Parts::open(&layout).unwrap();
        assert_eq!(again.list(), std::slice::from_ref(&part));
        assert!(again.all_alive() && beginning(child).is_some());

        again.stop_all().unwrap();

        assert!(!part.alive(), "the leader is gone");
        let deadline = Instant::now() + GRACE;
        while beginning(child).is_some() && Instant::now() < deadline {
            sleep(Duration::from_millis(10));
        }
        assert_eq!(beginning(child), None, "its child is gone");
        assert!(Parts::open(&layout).unwrap().list().is_empty());
        fs::remove_dir_all(layout.dir()).unwrap();
    }

    #[test]
    fn a_process_that_only_has_the_same_id_is_left_alone() {
        let mut stranger = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let pid = i32::try_from(stranger.id()).unwrap();
        let stale = Part { name: "stale".into(), pid, began: "long ago".into() };

        stale.stop();

        assert!(!stale.alive());
        assert_eq!(stranger.try_wait().unwrap(), None, "the stranger still runs");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn a_part_that_ends_at_once_is_reported_with_its_log() {
        let layout = scratch("crash");
        let mut parts = Parts::open(&layout).unwrap();
        let part = parts.start(&layout, "crash", Command::new("sh").args(["-c", "echo out of luck; exit 3"])).unwrap();
        let interrupt = Interrupt::listen().unwrap();

        let error = Parts::wait(&layout, &interrupt, &part, Duration::from_secs(10), || None::<()>).unwrap_err();

        assert_eq!(error.to_string(), "crash ended; the end of its log:\nout of luck");
        parts.stop_all().unwrap();
        fs::remove_dir_all(layout.dir()).unwrap();
    }
}
