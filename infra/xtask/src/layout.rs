//! Where things are: the checkout, cargo's output, the tools, one stack's folder.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The folders everything else is found in.
pub(crate) struct Layout {
    root: PathBuf,
    target: PathBuf,
    dir: PathBuf,
}

impl Layout {
    /// The checkout that this binary was compiled in; `dir` is the stack's folder, `target/local` where absent.
    pub(crate) fn new(dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .and_then(Path::parent)
            .context("this crate is not in infra/xtask of a checkout")?
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(target) => env::current_dir()?.join(target),
            None => root.join("target"),
        };
        let dir = match dir {
            Some(dir) => env::current_dir()?.join(dir),
            None => target.join("local"),
        };
        Ok(Self { root, target, dir })
    }

    /// The same checkout with the stack in another folder.
    pub(crate) fn with_dir(&self, dir: PathBuf) -> Self {
        Self { root: self.root.clone(), target: self.target.clone(), dir }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Folder of the stack.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file kept beside this crate's source.
    pub(crate) fn own(&self, path: &str) -> PathBuf {
        self.root.join("infra/xtask").join(path)
    }

    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A binary of the workspace, built with the profile of the local stack.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("local").join(name)
    }

    /// Zip of a function.
    pub(crate) fn zip(&self, function: &str) -> PathBuf {
        self.target.join("functions").join(format!("{function}.zip"))
    }

    pub(crate) fn stack_file(&self) -> PathBuf {
        self.dir.join("stack.json")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Log of a function or a part.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }
}
