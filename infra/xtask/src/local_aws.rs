//! The local AWS: ministack, with IAM enforced, on loopback only.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Command,
    time::Duration,
};

use crate::{
    interrupt::Interrupt,
    layout::Layout,
    part::{Part, Parts},
    stack::AwsCredentials,
};

/// Where the local stack pretends to be.
pub(crate) const REGION: &str = "af-south-1";
/// A fresh machine compiles Python's bytecode first.
const START: Duration = Duration::from_secs(60);

/// A local AWS that was started.
pub(crate) struct LocalAws {
    /// Host and port.
    pub(crate) authority: String,
    pub(crate) credentials: AwsCredentials,
    part: Part,
}

impl LocalAws {
    pub(crate) fn start(layout: &Layout, parts: &mut Parts, programs: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let authority = format!("127.0.0.1:{port}");
        let credentials = AwsCredentials { access_key_id: "local-deployer".into(), secret_access_key: "local".into() };
        let home = layout.dir().join("aws");
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        let mut command = Command::new(programs.join("ministack"));
        // Functions inherit its environment, and shall see none of the developer's: no proxies, no credentials, no profiles.
        command
            .current_dir(&home)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("LANG", "C.UTF-8")
            .env("PYTHONUNBUFFERED", "1")
            .env("AUTH", "true")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("AWS_ENDPOINT_URL", format!("http://{authority}"))
            .env("AWS_ACCESS_KEY_ID", &credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key)
            .env("MINISTACK_REGION", REGION)
            .env("S3_DATA_DIR", home.join("s3"))
            .env("STATE_DIR", home.join("state"))
            // Listeners of services that nobody here uses.
            .env("SFTP_ENABLED", "0")
            .env("IOT_MTLS_ENABLED", "0");
        Ok(Self { authority, credentials, part: parts.start(layout, "ministack", &mut command)? })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.authority)
    }

    pub(crate) fn wait(&self, layout: &Layout, interrupt: &Interrupt) -> anyhow::Result<()> {
        let health = format!("{}/_ministack/health", self.endpoint());
        Parts::wait(layout, interrupt, &self.part, START, || ureq::get(&health).call().ok().map(|_| ()))
    }
}

/// A port that is free now. Somebody may take it before it is used; then the part fails to start, and says so.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
