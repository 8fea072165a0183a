//! `up`: the whole stack on this machine.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hasher as _},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    build, cli, deploy,
    interrupt::Interrupt,
    layout::Layout,
    local_aws::{LocalAws, REGION},
    logs,
    outside::{self, Chain, Sandbox},
    part::Parts,
    progress::Progress,
    real::Real,
    settings::{self, World},
    stack::{self, Fingerprint, Stack},
    status, tools,
};

/// Brings the stack up and, unless detached, watches it until Ctrl-C.
pub(crate) fn run(layout: &Layout, progress: &Progress, options: &cli::Up) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let (stack, began) = ensure(layout, progress, &interrupt, Some(options))?;
    println!("{}", status::summary(&stack));
    for (role, account) in &stack.accounts {
        println!("{role:<11} {} {}", account.secret_uri, account.address);
    }
    println!("all of it   {}", layout.stack_file().display());
    // A stack that somebody else started is theirs to stop.
    if options.detach || began == Began::Before {
        progress.say("the stack is up; `cargo xtask down` stops it");
        return Ok(());
    }
    progress.say("the stack is up; Ctrl-C stops it");
    watch(layout, progress, &interrupt)
}

/// Whether this process started the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Began {
    Now,
    Before,
}

/// The running stack if it is what would be deployed now, a fresh one otherwise. Without options, a running stack may have any.
pub(crate) fn ensure(
    layout: &Layout,
    progress: &Progress,
    interrupt: &Interrupt,
    options: Option<&cli::Up>,
) -> anyhow::Result<(Stack, Began)> {
    let real = options.map_or_else(|| Ok(Real::default()), Real::new)?;
    fs::create_dir_all(layout.dir())?;
    let lock = fs::File::create(layout.dir().join("up.lock"))?;
    lock.try_lock().context("another `up` is at work in this folder")?;

    let programs = tools::local_aws(layout, progress)?;
    let chain_tool = tools::chain(layout, progress)?;
    let functions = build::build(layout, progress).map_err(|error| interrupt.or(error))?;
    interrupt.check()?;

    let fingerprint = fingerprint(layout, &real, &functions)?;
    let mut parts = Parts::open(layout)?;
    if let Some(stack) = Stack::read(layout)?.filter(|_| parts.all_alive()) {
        let same_world = options.is_none() || stack.fingerprint.world == fingerprint.world;
        if stack.fingerprint.code == fingerprint.code && same_world {
            progress.say("the stack runs already, and nothing has changed");
            return Ok((stack, Began::Before));
        }
        ensure!(
            options.is_some() || stack.fingerprint.world == fingerprint.world,
            "the code has changed since this stack came up with real endpoints: `up` it again with its options"
        );
    }
    Stack::forget(layout)?;
    if !parts.list().is_empty() {
        progress.say("stopping what was left of another stack");
        parts.stop_all()?;
    }

    let result = (|| {
        progress.say("starting local AWS, and what is simulated");
        let aws = LocalAws::start(layout, &mut parts, &programs)?;
        let chain = match real.chain {
            None => Some(Chain::start(layout, &mut parts, &chain_tool)?),
            Some(_) => None,
        };
        let sandbox = if real.needs_sandbox() {
            Some(Sandbox::start(layout, &mut parts)?.wait(layout, interrupt)?)
        } else {
            None
        };
        let local_chain = match chain {
            None => None,
            Some(chain) => {
                let url = chain.wait(layout, interrupt)?;
                progress.say("deploying the contract");
                let contract = outside::deploy_contract(layout, &url)?;
                Some((url, contract))
            }
        };
        let world = World::new(real, sandbox.as_ref(), local_chain)?;
        aws.wait(layout, interrupt)?;
        progress.say("deploying the template");
        let outputs = deploy::deploy(layout, &programs, &aws, &world, &functions)?;
        interrupt.check()?;
        deploy::follow_logs(layout, &mut parts, &programs, &aws, &functions)?;
        let stack = describe(layout, &parts, &aws, world, &functions, outputs, fingerprint)?;
        stack.write(layout)?;
        Ok((stack, Began::Now))
    })();
    result.or_else(|error: anyhow::Error| {
        parts.stop_all()?;
        Err(interrupt.or(error))
    })
}

fn describe(
    layout: &Layout,
    parts: &Parts,
    aws: &LocalAws,
    world: World,
    functions: &[String],
    mut outputs: BTreeMap<String, String>,
    fingerprint: Fingerprint,
) -> anyhow::Result<Stack> {
    let mut take = |name: &str| outputs.remove(name).with_context(|| format!("the template has no output {name}"));
    let (api_url, ws_url) = (take("ApiUrl")?, take("WsUrl")?);
    // A table's and a queue's name is the stack's name and what it is for.
    let prefix = format!("{}-", deploy::STACK);
    let named = |suffix: &str, name: &dyn Fn(&str) -> Option<String>| -> BTreeMap<String, String> {
        let of_kind = outputs.iter().filter(|(output, _)| output.ends_with(suffix));
        of_kind.filter_map(|(_, value)| Some((name(value)?, value.clone()))).collect()
    };
    let tables = named("TableName", &|value| value.strip_prefix(&prefix).map(ToOwned::to_owned));
    let queues = named("Url", &|value| {
        let name = value.rsplit('/').next()?.strip_prefix(&prefix)?;
        Some(name.trim_end_matches(".fifo").to_owned())
    });
    Ok(Stack {
        api_url,
        ws_url,
        aws_endpoint: aws.endpoint(),
        region: REGION.to_owned(),
        aws_credentials: aws.credentials.clone(),
        name: deploy::STACK.to_owned(),
        chain_url: world.chain.url,
        contract_address: world.chain.contract.address,
        daraja_url: world.daraja.url,
        daraja_control_url: world.daraja.control_url,
        ipfs_url: world.ipfs.url,
        auth_domain: settings::AUTH_DOMAIN.to_owned(),
        accounts: stack::demo_accounts(),
        tables,
        queues,
        functions: functions.iter().map(|function| (function.clone(), deploy::function_name(function))).collect(),
        logs: layout.logs().to_string_lossy().into_owned(),
        pids: parts.list().iter().map(|part| (part.name.clone(), part.pid)).collect(),
        fingerprint,
    })
}

/// Changes with everything that a deployed stack consists of.
fn fingerprint(layout: &Layout, real: &Real, functions: &[String]) -> anyhow::Result<Fingerprint> {
    let mut hasher = DefaultHasher::new();
    let zips = functions.iter().map(|function| layout.zip(function));
    let files = zips.chain([layout.binary("sandbox"), layout.binary("xtask"), settings::template(layout)]);
    for file in files {
        hasher.write(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    let mut world = DefaultHasher::new();
    real.hash(&mut world);
    Ok(Fingerprint { code: format!("{:016x}", hasher.finish()), world: format!("{:016x}", world.finish()) })
}

/// Until Ctrl-C, `down` from elsewhere, or the end of a part.
fn watch(layout: &Layout, progress: &Progress, interrupt: &Interrupt) -> anyhow::Result<()> {
    let mut parts = Parts::open(layout)?;
    loop {
        sleep(Duration::from_millis(200));
        if interrupt.is_set() {
            progress.say("stopping");
            Stack::forget(layout)?;
            return parts.stop_all();
        }
        if !layout.stack_file().exists() {
            progress.say("the stack was taken down");
            return Ok(());
        }
        if let Some(part) = parts.list().iter().find(|part| !part.alive()) {
            let (name, end) = (part.name.clone(), logs::tail(&layout.log(&part.name), 25));
            if !layout.stack_file().exists() {
                continue;
            }
            Stack::forget(layout)?;
            parts.stop_all()?;
            anyhow::bail!("{name} ended by itself, and the rest was stopped; the end of its log:\n{end}");
        }
    }
}
