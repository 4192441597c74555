//! `ringfence serve`: everything started in order, watched, and stopped in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use crossbeam_queue::ArrayQueue;
use media::Library;
use media_io::{MediaSettings, MediaThreads};
use metrics::Metrics;
use proxy::{Core, Listening, Settings, Snapshot};
use routing::Directory;
use screening::{Windows, WindowsCapacity};
use sip_message::Limits;
use sip_transaction::{Timers, Transport};
use sip_transport::{Advertised, Listener, OpenGate, ShardTransport, TransportLimits};
use store::Store;
use tokio::sync::mpsc;

use crate::clock;
use crate::config::{self, Refused};
use crate::control;
use crate::edge::{Doors, EventQueue};
use crate::recorder::{self, Recorder};
use crate::reload::{self, InForce};
use crate::shard::{Gauges, INBOX_MAX, MediaRouter, Shard, ShardInput};

/// How long calls that are up may take to end properly when the switch is told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Open transactions of a shard for each call that it may hold: six for a call, some of which outlive it by 32 s.
const TRANSACTIONS_PER_CALL: usize = 8;

/// A switch that runs.
pub(crate) struct Running {
    /// Where SIP is heard, as bound.
    pub(crate) addresses: Vec<(Transport, SocketAddr)>,
    /// Where metrics are served, as bound.
    pub(crate) http: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    shards: Vec<mpsc::Sender<ShardInput>>,
    recorder: Recorder,
    media: MediaThreads,
}

/// A switch about to run: what its parts share.
pub(crate) struct Plant {
    pub(crate) in_force: InForce,
    pub(crate) windows: Arc<Windows>,
    pub(crate) ready: Arc<AtomicBool>,
    pub(crate) http: Option<tokio::net::TcpListener>,
    pub(crate) control: control::Door,
    pub(crate) running: Running,
}

/// Runs a switch until it is told to stop: SIGTERM or SIGINT ends it, SIGHUP applies changed files.
pub(crate) fn serve(path: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let plant = start(path).await?;
        for (transport, address) in &plant.running.addresses {
            tracing::info!(transport = transport.as_str(), %address, "listening");
        }
        if let Some(address) = plant.running.http {
            tracing::info!(transport = "HTTP", %address, "listening");
        }
        run_until_stopped(plant).await
    })
}

/// Starts all threads. Returns once every socket is bound.
pub(crate) async fn start(path: &Path) -> Result<Plant> {
    let path = reload::absolute(path);
    let (loaded, data_dir) = config::load_with_store(&path).map_err(refused)?;
    let directory = Arc::new(loaded.directory);
    let store = Store::open(&data_dir)
        .with_context(|| format!("cannot open the call log in {}", data_dir.display()))?;
    // What only one switch can have comes before the SIP sockets: those are shared between shards, and so a second
    // switch would take packets from the first until it found out that it is the second.
    let control = control::Door::open(&data_dir)?;
    let http = bind_http(&directory).await?;
    nobody_else_listens(&directory)?;
    let metrics = Arc::new(Metrics::new());
    metrics.directory_is_in_force_since(clock::unix_ms());
    metrics.screening().list_entries.set(directory.list_entry_count());
    let windows = Arc::new(Windows::new(WindowsCapacity::default(), clock::unforeseeable()));
    restore_passes(&store, &directory, &windows)?;

    let shard_count = directory.switch.shards;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..shard_count).map(|_| mpsc::channel(INBOX_MAX)).unzip();
    let media = start_media(&directory, &senders)?;
    let queue_max = directory.switch.record_queue_max as usize;
    let queues: Vec<EventQueue> = (0..shard_count)
        .map(|_| Arc::new(ArrayQueue::new(queue_max.max(16))))
        .collect();
    let recorder = Recorder::start(store, queues.clone(), Arc::clone(&metrics), Arc::clone(&windows))?;

    let snapshot = Snapshot::new(Arc::clone(&directory), clock::now().at);
    let mut addresses: Vec<(Transport, SocketAddr)> = Vec::new();
    let mut threads = Vec::new();
    let connections = crate::edge::Connections::default();
    for (shard, (inbox, events)) in receivers.into_iter().zip(&queues).enumerate() {
        let doors = Doors {
            shard: shard as u8,
            events: Arc::clone(events),
            overflow: Default::default(),
            media: media.handle(),
            media_waiting: Default::default(),
            others: senders.clone(),
            open_connections: Default::default(),
            connections: Arc::clone(&connections),
            started: Instant::now(),
            counts: Default::default(),
        };
        let parts = Parts {
            shard: shard as u8,
            snapshot: snapshot.clone(),
            windows: Arc::clone(&windows),
            gauges: Gauges::new(metrics.shard(shard as u8), Instant::now()),
            bound: addresses.clone(),
            inbox,
            doors,
        };
        let (thread, bound) = start_shard(parts).await?;
        threads.push(thread);
        addresses = bound;
    }
    // The shards have inherited the scheduling class that we were started in; this thread only waits.
    recorder::lower_priority();

    reload::save_version(
        &recorder.errands(),
        &directory.ruleset().to_string(),
        &loaded.files,
    );
    let http_address = http.as_ref().and_then(|http| http.local_addr().ok());
    let in_force = InForce {
        config: path,
        files: loaded.files,
        snapshot,
        shards: senders.clone(),
        errands: recorder.errands(),
        metrics,
    };
    let running = Running {
        addresses,
        http: http_address,
        threads,
        shards: senders,
        recorder,
        media,
    };
    let ready = Arc::new(AtomicBool::new(true));
    Ok(Plant {
        in_force,
        windows,
        ready,
        http,
        control,
        running,
    })
}

async fn bind_http(directory: &Directory) -> Result<Option<tokio::net::TcpListener>> {
    let Some(address) = directory.http.address else {
        return Ok(None);
    };
    let bound = tokio::net::TcpListener::bind(address).await;
    bound
        .map(Some)
        .with_context(|| format!("cannot serve metrics at {address}"))
}

/// Answers signals, HTTP and the control socket until told to stop.
pub(crate) async fn run_until_stopped(plant: Plant) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let Plant {
        mut in_force,
        windows,
        ready,
        http,
        mut control,
        running,
    } = plant;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (stop_http, http_stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = http.map(|listener| {
        let (metrics, ready) = (Arc::clone(&in_force.metrics), Arc::clone(&ready));
        tokio::spawn(admin::serve(
            listener,
            metrics,
            move || ready.load(Ordering::Relaxed),
            async {
                let _ = http_stopped.await;
            },
        ))
    });
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                in_force.reload().await;
            }
            asked = control.asked() => {
                if control.answer(asked, &mut in_force, &windows).await.is_break() {
                    break;
                }
            }
        }
    }
    tracing::info!("stopping");
    ready.store(false, Ordering::Relaxed);
    drop(control);
    running.stop(in_force).await;
    let _ = stop_http.send(());
    if let Some(serving) = serving {
        let _ = serving.await;
    }
    Ok(())
}

impl Running {
    /// Ends calls, then threads, then writes what is left.
    async fn stop(self, in_force: InForce) {
        let until = Instant::now() + STOP_WITHIN;
        for shard in &self.shards {
            let _ = shard.send(ShardInput::Stop { until }).await;
        }
        let Self {
            threads,
            recorder,
            media,
            shards,
            ..
        } = self;
        // Errands and inboxes are let go, so that whoever waits on them ends.
        drop((in_force, shards));
        let ended = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a shard broke");
                }
            }
            media.stop();
            recorder.stop();
        });
        let _ = ended.await;
    }
}

/// Fails where somebody listens at one of our addresses. The shards would not notice: they share each address among
/// themselves (SO_REUSEPORT), and so would share it with another switch.
fn nobody_else_listens(directory: &Directory) -> Result<()> {
    for listener in &directory.listeners {
        let address = listener.address;
        let free = match listener.transport {
            routing::Transport::Udp => std::net::UdpSocket::bind(address).map(drop),
            routing::Transport::Tcp => std::net::TcpListener::bind(address).map(drop),
        };
        free.with_context(|| format!("cannot listen at {address}"))?;
    }
    Ok(())
}

/// What a shard's thread is made of.
struct Parts {
    shard: u8,
    snapshot: Snapshot,
    windows: Arc<Windows>,
    gauges: Gauges,
    /// What shard 0 bound, where the settings let the system choose the port.
    bound: Vec<(Transport, SocketAddr)>,
    inbox: mpsc::Receiver<ShardInput>,
    doors: Doors,
}

type Bound = Vec<(Transport, SocketAddr)>;

/// Starts a shard's thread and waits until its sockets are bound.
async fn start_shard(parts: Parts) -> Result<(JoinHandle<()>, Bound)> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let name = format!("shard-{}", parts.shard);
    let thread = thread::Builder::new().name(name).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(fault) => {
                let _ = tell.send(Err(fault));
                return;
            }
        };
        runtime.block_on(async {
            match bind(&parts) {
                Ok(transport) => {
                    let _ = tell.send(Ok(transport.local_addrs()));
                    make_shard(parts, transport).run().await;
                }
                Err(fault) => {
                    let _ = tell.send(Err(fault));
                }
            }
        });
    })?;
    let bound = told.await.context("the shard's thread ended early")?;
    Ok((thread, bound.context("cannot listen")?))
}

fn bind(parts: &Parts) -> std::io::Result<ShardTransport> {
    let directory = &parts.snapshot.directory;
    let listeners: Vec<Listener> = directory
        .listeners
        .iter()
        .enumerate()
        .map(|(at, listener)| Listener {
            transport: transport_of(listener.transport),
            address: parts
                .bound
                .get(at)
                .map_or(listener.address, |(_, address)| *address),
            advertised: Some(Advertised {
                host: listener.advertise.host.to_string(),
                port: listener.advertise.port,
            }),
        })
        .collect();
    ShardTransport::bind(
        parts.shard,
        &listeners,
        TransportLimits::default(),
        Arc::new(OpenGate),
    )
}

fn make_shard(parts: Parts, transport: ShardTransport) -> Shard {
    let Parts {
        shard,
        snapshot,
        windows,
        gauges,
        inbox,
        doors,
        ..
    } = parts;
    let directory = Arc::clone(&snapshot.directory);
    let listeners = directory
        .listeners
        .iter()
        .zip(transport.local_addrs())
        .map(|(listener, (_, bound))| {
            // A port that the system chose is known only now.
            let port = if listener.advertise.port == 0 {
                bound.port()
            } else {
                listener.advertise.port
            };
            Listening {
                transport: transport_of(listener.transport),
                advertised: format!("{}:{port}", listener.advertise.host).into(),
                ipv6: listener.address.is_ipv6(),
            }
        })
        .collect();
    let settings = Settings {
        node: node_mark(&directory),
        shard,
        shards: directory.switch.shards,
        seed: clock::unforeseeable(),
        timers: Timers {
            t1: directory.timers.t1,
            t2: directory.timers.t2,
            t4: directory.timers.t4,
            ..Timers::default()
        },
        transactions_max: directory.switch.calls_at_once_max as usize * TRANSACTIONS_PER_CALL,
        limits: Limits::default(),
        listeners,
        media_address: directory.media.address,
        media_advertised: directory.media.advertise,
        media_ports: directory.media.ports.0..=directory.media.ports.1,
    };
    let core = Core::new(settings, snapshot, windows, Instant::now());
    Shard {
        core,
        doors,
        transport,
        inbox,
        gauges,
    }
}

/// Marks what this node mints: the same on all its shards, another on another node.
fn node_mark(directory: &Directory) -> u32 {
    let hash = directory.switch.node.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash | 1
}

fn transport_of(transport: routing::Transport) -> Transport {
    match transport {
        routing::Transport::Udp => Transport::Udp,
        routing::Transport::Tcp => Transport::Tcp,
    }
}

fn start_media(directory: &Directory, shards: &[mpsc::Sender<ShardInput>]) -> Result<MediaThreads> {
    let folder = &directory.media.prompts;
    let library: Library = media_io::load_prompts(folder).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(
            "the prompts in {} cannot be loaded:\n{}",
            folder.display(),
            faults.join("\n")
        )
    })?;
    let wanted: Vec<media::PromptId> = media::captcha::prompts()
        .into_iter()
        .chain(media::announcements::ALL)
        .collect();
    let missing = library.missing(&wanted);
    if !missing.is_empty() {
        let missing: Vec<&str> = missing.iter().map(|prompt| prompt.as_str()).collect();
        bail!(
            "prompts are missing in {}: {}",
            folder.display(),
            missing.join(", ")
        );
    }
    let mut settings = MediaSettings {
        threads: usize::from(directory.media.threads),
        ..MediaSettings::default()
    };
    settings.session.silent_after = directory.media.dead_after;
    let router = Arc::new(MediaRouter {
        shards: shards.to_vec(),
    });
    MediaThreads::start(settings, Arc::new(library), router).context("cannot start the media threads")
}

/// Callers who passed a challenge before the switch was started still count.
fn restore_passes(store: &Store, directory: &Directory, windows: &Windows) -> Result<()> {
    for pass in store.passes(clock::unix_ms())? {
        if let Some(tenant) = directory
            .tenants()
            .iter()
            .find(|tenant| tenant.name == pass.tenant)
        {
            windows.remember_pass(tenant.window_id, pass.caller, pass.until_ms);
        }
    }
    Ok(())
}

/// A configuration that cannot be put in force, in words.
pub(crate) fn refused(refused: Refused) -> anyhow::Error {
    match refused {
        Refused::Faults(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!(
                "{}\n{} in the configuration",
                lines.join("\n"),
                count(faults.len(), "fault")
            )
        }
        Refused::Unreadable(fault) => fault,
    }
}

/// `1 fault`, `2 faults`.
pub(crate) fn count(many: usize, what: &str) -> String {
    if many == 1 {
        format!("1 {what}")
    } else {
        format!("{many} {what}s")
    }
}
