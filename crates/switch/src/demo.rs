//! `ringfence demo`: a switch, a carrier and agents on this machine, with real packets and real audio.
//!
//! The switch is this very program, run as `serve` in a process of its own. Carrier and agents are phones in this
//! process that know nothing of it: they speak SIP and RTP with it over sockets, and read the outcome from its call
//! log. All numbers are reserved for examples, so they are shown in full.

mod agent;
mod audio;
mod caller;
mod cast;
mod ear;
mod ending;
mod ground;
mod leg;
mod message;
mod prompts;
mod wire;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use call_model::CallRecord;
use media::Library;
use store::{CallFilter, Order, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::command::{DONE, REFUSED};
use crate::{config, serve};
use agent::AGENTS;
use caller::Seen;
use cast::{By, Chain, Planned};
use ground::{Folder, Switch};
use wire::{Exchange, Way};

/// How the show goes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Shorter talks, one try at the captcha, a shorter announcement.
    #[arg(long)]
    fast: bool,
    /// Write settings, prompts and call log into this folder, and leave them there.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Leave the switch running after the calls, until Ctrl-C: to look at its metrics, or to call it.
    #[arg(long)]
    stay: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  ringfence demo                                       about half a minute, then everything is gone
  ringfence demo --keep /tmp/shown                     the same, to ask questions afterwards:
  ringfence calls --config /tmp/shown/demo.toml
  ringfence explain CALL --config /tmp/shown/demo.toml
  ringfence demo --fast --stay                         leave the switch running until Ctrl-C

It needs no configuration and no network: everything is on 127.0.0.1, on ports that are free, and the numbers are
reserved for examples. Exit code 0 only if every call ended as it should; 1 if one did not.";

/// What all phones share.
struct Stage {
    began: Instant,
    lines: mpsc::UnboundedSender<Line>,
    agent_calls: AtomicU32,
    /// How long an agent talks before hanging up.
    agent_talks: Duration,
    /// In how many calls agents heard the voice of each caller.
    heard: Mutex<BTreeMap<String, usize>>,
    faults: Mutex<Vec<String>>,
}

/// A line of the show.
struct Line {
    at: Duration,
    who: String,
    text: String,
}

/// A call that is over.
struct Finished {
    call: Planned,
    seen: Result<Seen, String>,
}

/// The chains begin so long after one another.
const STAGGER: Duration = Duration::from_millis(120);
/// What a caller waits between two calls.
const REDIAL: Duration = Duration::from_millis(150);
/// The whole show takes no longer.
const SHOW_MAX: Duration = Duration::from_secs(58);
/// The last records are written within this time.
const RECORDS_WITHIN: Duration = Duration::from_secs(5);

/// Gives the show.
pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // However it ends, the switch and the folder go with it: `Switch` and `Folder` see to that.
        let (switch, _folder, code) = tokio::select! {
            shown = show(arguments, out) => shown?,
            _ = interrupt.recv() => anyhow::bail!("stopped before the end"),
            _ = terminate.recv() => anyhow::bail!("stopped before the end"),
        };
        out.flush()?;
        if arguments.stay {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        switch.stop().await?;
        Ok(code)
    })
}

async fn show(arguments: &Arguments, out: &mut impl Write) -> Result<(Switch, Folder, u8)> {
    let folder = Folder::open(arguments.keep.as_deref())?;
    let (lines, mut told) = mpsc::unbounded_channel();
    let talk = Duration::from_millis(if arguments.fast { 500 } else { 1_000 });
    let stage = Arc::new(Stage {
        began: Instant::now(),
        lines,
        agent_calls: AtomicU32::new(0),
        agent_talks: talk * 2,
        heard: Mutex::default(),
        faults: Mutex::default(),
    });
    let mut agents = Vec::new();
    for agent in &AGENTS {
        agents.push((agent, agent.switch_on(Arc::clone(&stage)).await?));
    }
    let switch = Switch::start(&folder, &agents, arguments.fast).await?;
    let library = media_io::load_prompts(&folder.prompts())
        .map_err(|faults| anyhow::anyhow!("the prompts cannot be loaded: {} faults", faults.len()))?;
    let lines = Lines::open(switch.sip).await?;
    let chains = lines.able(cast::chains(switch.sip, talk));
    let calls = chains.iter().map(Vec::len).sum();
    writeln!(
        out,
        "A switch runs on {} (UDP, TCP); a carrier places {}; {} agents have their phones on.\n",
        switch.sip,
        serve::count(calls, "call"),
        agents.len()
    )?;
    out.flush()?;
    let placing = place_all(chains, lines, Arc::clone(&stage), Arc::new(library));
    let finished = watch(placing, &mut told, out).await?;
    let records = records(&folder, finished.len()).await?;
    let loaded = config::load(&folder.config()).map_err(serve::refused)?;
    let heard = stage.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut surprises = ending::write(&finished, &records, &loaded.directory, &heard, out)?;
    surprises.append(&mut stage.faults.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some((record, explanation)) = ending::example(&records, &loaded.directory) {
        writeln!(
            out,
            "\nOne of them in full, as ringfence explain {} tells it:\n",
            record.id
        )?;
        for line in explanation.to_string().lines() {
            writeln!(out, "  {line}")?;
        }
    }
    surprises.extend(metrics_disagree(switch.http, finished.len(), out).await?);
    where_to_look_next(arguments, &folder, &switch, out)?;
    let code = verdict(&surprises, finished.len(), out)?;
    Ok((switch, folder, code))
}

fn verdict(surprises: &[String], calls: usize, out: &mut impl Write) -> Result<u8> {
    if surprises.is_empty() {
        writeln!(out, "\nAll {calls} calls ended as they should.")?;
        return Ok(DONE);
    }
    writeln!(out, "\nNot as it should be:")?;
    for surprise in surprises {
        writeln!(out, "  {surprise}")?;
    }
    Ok(REFUSED)
}

/// The carrier's ways to the switch.
struct Lines {
    exchange: Exchange,
    udp: Way,
    tcp: Way,
    /// Absent where the machine has no second loopback address.
    stranger: Option<Way>,
}

impl Lines {
    async fn open(switch: SocketAddr) -> Result<Self> {
        let (exchange, _) = Exchange::new();
        let carrier = SocketAddr::from(([127, 0, 0, 1], 0));
        let stranger = SocketAddr::from(([127, 0, 0, 2], 0));
        Ok(Self {
            udp: Way::Udp(wire::listen_udp(carrier, &exchange).await?, switch),
            tcp: wire::connect_tcp(switch, &exchange).await?,
            stranger: wire::listen_udp(stranger, &exchange)
                .await
                .ok()
                .map(|socket| Way::Udp(socket, switch)),
            exchange,
        })
    }

    /// Leaves out what cannot be placed from this machine.
    fn able(&self, mut chains: Vec<Chain>) -> Vec<Chain> {
        if self.stranger.is_none() {
            chains.retain(|chain| chain.iter().all(|call| call.by != By::Stranger));
        }
        chains
    }

    fn way(&self, by: By) -> Way {
        match by {
            By::Udp => self.udp.clone(),
            By::Tcp => self.tcp.clone(),
            By::Stranger => self.stranger.clone().unwrap_or_else(|| self.udp.clone()),
        }
    }
}

/// Places all calls; returns them in the order of the cast.
async fn place_all(
    chains: Vec<Chain>,
    lines: Lines,
    stage: Arc<Stage>,
    library: Arc<Library>,
) -> Result<Vec<Finished>> {
    let lines = Arc::new(lines);
    let mut callers = JoinSet::new();
    for (at, chain) in chains.into_iter().enumerate() {
        let (lines, stage, library) = (Arc::clone(&lines), Arc::clone(&stage), Arc::clone(&library));
        callers.spawn(async move {
            sleep(STAGGER * at as u32).await;
            let mut finished = Vec::new();
            for call in chain {
                let placed = caller::place(&call, lines.way(call.by), &lines.exchange, &stage, &library);
                let seen = placed.await.map_err(|fault| {
                    stage.say(&call.line(), format!("went wrong: {fault:#}"));
                    format!("{fault:#}")
                });
                finished.push(Finished { call, seen });
                sleep(REDIAL).await;
            }
            finished
        });
    }
    let mut finished = Vec::new();
    while let Some(chain) = callers.join_next().await {
        finished.extend(chain.context("a caller broke")?);
    }
    finished.sort_by_key(|done| done.call.number);
    Ok(finished)
}

/// Shows what the phones tell until all calls are over.
async fn watch(
    placing: impl Future<Output = Result<Vec<Finished>>>,
    told: &mut mpsc::UnboundedReceiver<Line>,
    out: &mut impl Write,
) -> Result<Vec<Finished>> {
    let placing = timeout(SHOW_MAX, placing);
    tokio::pin!(placing);
    let finished = loop {
        tokio::select! {
            biased;
            Some(line) = told.recv() => line.write(out)?,
            finished = &mut placing => break finished.context("the show took too long")?,
        }
    };
    while let Ok(line) = told.try_recv() {
        line.write(out)?;
    }
    finished
}

/// The call log, once it holds all calls or the time is up.
async fn records(folder: &Folder, wanted: usize) -> Result<Vec<CallRecord>> {
    let store = Store::open_read_only(&folder.data())?;
    let filter = CallFilter {
        limit: Some(CallFilter::LIMIT_MAX),
        order: Order::OldestFirst,
        ..CallFilter::default()
    };
    let until = Instant::now() + RECORDS_WITHIN;
    loop {
        let records = store.calls(&filter)?;
        if records.len() >= wanted || Instant::now() > until {
            return Ok(records);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads the metrics as Prometheus would; says what they count otherwise than it was.
async fn metrics_disagree(http: SocketAddr, calls: usize, out: &mut impl Write) -> Result<Vec<String>> {
    let mut stream = TcpStream::connect(http).await.context("no metrics are served")?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    writeln!(out, "\nFrom the metrics at http://{http}/metrics:\n")?;
    let total = |line: &str| {
        line.rsplit(' ')
            .next()
            .and_then(|count| count.parse::<usize>().ok())
    };
    let mut counted = 0;
    for line in answer
        .lines()
        .filter(|line| line.starts_with("ringfence_calls_total{"))
    {
        writeln!(out, "  {line}")?;
        counted += total(line).unwrap_or(0);
    }
    let wrong = format!("{calls} calls were placed, the metrics count {counted}");
    Ok(if counted == calls { Vec::new() } else { vec![wrong] })
}

fn where_to_look_next(
    arguments: &Arguments,
    folder: &Folder,
    switch: &Switch,
    out: &mut impl Write,
) -> Result<()> {
    writeln!(out, "\nWhere to look next:")?;
    if arguments.keep.is_some() || arguments.stay {
        let config = folder.config();
        let config = config.display();
        writeln!(out, "  ringfence calls --config {config}")?;
        writeln!(out, "  ringfence explain CALL --config {config}")?;
    } else {
        writeln!(
            out,
            "  ringfence demo --keep DIR    the same, to ask calls and explain afterwards"
        )?;
    }
    if arguments.stay {
        writeln!(out, "  curl http://{}/metrics", switch.http)?;
        writeln!(out, "  the switch runs on {} until Ctrl-C", switch.sip)?;
    }
    writeln!(
        out,
        "  ringfence check --config configs/example.toml    a first configuration of your own"
    )?;
    writeln!(out, "  README.md    what every part is for")?;
    Ok(())
}

impl Stage {
    /// Tells something.
    fn say(&self, who: &str, text: String) {
        let line = Line {
            at: self.began.elapsed(),
            who: who.to_owned(),
            text,
        };
        // Whoever watched may have left.
        let _ = self.lines.send(line);
    }

    /// Notes that something went wrong which no call's record shows.
    fn fail(&self, what: String) {
        self.say("!", what.clone());
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    fn agent_heard(&self, caller: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        *heard.entry(caller.to_owned()).or_default() += 1;
    }

    fn next_agent_call(&self) -> u32 {
        self.agent_calls.fetch_add(1, Ordering::Relaxed)
    }
}

impl Line {
    fn write(&self, out: &mut impl Write) -> Result<()> {
        let seconds = self.at.as_secs_f64();
        writeln!(out, "{seconds:>6.2} s  {:28}  {}", self.who, self.text)?;
        Ok(out.flush()?)
    }
}
