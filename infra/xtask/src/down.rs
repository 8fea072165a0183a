//! `down`: stops what `up` started in this folder.

use crate::{layout::Layout, part::Parts, progress::Progress, stack::Stack};

pub(crate) fn run(layout: &Layout, progress: &Progress) -> anyhow::Result<()> {
    if !layout.dir().is_dir() {
        progress.say("nothing runs");
        return Ok(());
    }
    let mut parts = Parts::open(layout)?;
    // First, so that an `up` that watches knows that it was meant.
    Stack::forget(layout)?;
    let running = parts.list().iter().filter(|part| part.alive()).count();
    parts.stop_all()?;
    progress.say(match running {
        0 => "nothing ran".to_owned(),
        1 => "stopped 1 process".to_owned(),
        many => format!("stopped {many} processes"),
    });
    Ok(())
}
