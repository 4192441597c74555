//! Where the demo takes place: a folder, free ports, and the switch itself, started as `ringfence serve`.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::agent::Agent;
use super::prompts;
use crate::clock;
use crate::command::Refusal;
use crate::control::{self, Answer, Question};

/// A folder for everything that the demo writes.
pub(super) struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// A folder of our own that goes when we do, or the one given, which stays.
    pub(super) fn open(keep: Option<&Path>) -> Result<Self> {
        let path = match keep {
            Some(path) => {
                if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
                    return Err(Refusal::new(format!(
                        "{} is not empty: --keep wants a folder of its own",
                        path.display()
                    )));
                }
                std::path::absolute(path)?
            }
            None => {
                let mark = clock::unforeseeable();
                std::env::temp_dir().join(format!("ringfence-demo-{mark:016x}"))
            }
        };
        // Numbers are written there: it is the owner's only.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path,
            kept: keep.is_some(),
        })
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join("demo.toml")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn prompts(&self) -> PathBuf {
        self.path.join("prompts")
    }

    fn log(&self) -> PathBuf {
        self.path.join("serve.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The switch, in a process of its own.
pub(super) struct Switch {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    pub(super) sip: SocketAddr,
    pub(super) http: SocketAddr,
}

/// `configs/demo.toml`, carried in the program so that the demo runs wherever it is started.
const SETTINGS: &str = include_str!("../../../../configs/demo.toml");
const SIP_IN_SETTINGS: &str = "127.0.0.1:5160";
const HTTP_IN_SETTINGS: &str = "127.0.0.1:9160";
const MEDIA_IN_SETTINGS: &str = "21000-21199";

/// How long the switch may take to start, and to stop.
const WITHIN: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(30);
/// How often other ports are tried, where somebody else was quicker.
const STARTS_MAX: u32 = 4;

impl Switch {
    /// Writes settings and prompts, and starts the switch; returns once it listens.
    pub(super) async fn start(
        folder: &Folder,
        agents: &[(&'static Agent, SocketAddr)],
        fast: bool,
    ) -> Result<Self> {
        prompts::write_to(&folder.prompts())?;
        let mut last = None;
        for _ in 0..STARTS_MAX {
            let ports = Ports::find()?;
            fs::write(folder.config(), settings(&ports, agents, fast))?;
            match Self::try_start(folder, &ports).await {
                Ok(switch) => return Ok(switch),
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.context("the switch was never tried")?)
    }

    async fn try_start(folder: &Folder, ports: &Ports) -> Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        let log = File::create(folder.log())?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(folder.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("the switch cannot be started")?;
        let mut switch = Self {
            child,
            data: folder.data(),
            log: folder.log(),
            sip: ports.sip,
            http: ports.http,
        };
        let until = Instant::now() + WITHIN;
        while !takes_calls(ports.http).await {
            if let Some(status) = switch.child.try_wait()? {
                bail!("the switch ended at once ({status}):\n{}", switch.last_words());
            }
            if Instant::now() > until {
                bail!("the switch does not start:\n{}", switch.last_words());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(switch)
    }

    /// Tells the switch to end, and waits until it has.
    pub(super) async fn stop(mut self) -> Result<()> {
        let answer = control::ask(&self.data, &Question::Stop)?;
        if !matches!(answer, Some(Answer::Stopping)) {
            bail!("the switch does not answer any more:\n{}", self.last_words());
        }
        let until = Instant::now() + WITHIN;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the switch ended badly ({status}):\n{}", self.last_words()),
                None if Instant::now() > until => bail!("the switch does not stop"),
                None => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        const LINES: usize = 10;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// A switch that nobody stopped goes with the demo.
impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the switch says so itself, as it does to a supervisor.
async fn takes_calls(http: SocketAddr) -> bool {
    let answer = async {
        let mut stream = TcpStream::connect(http).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    // The door is open before anybody answers at it.
    let answer = timeout(LOOK_EVERY * 10, answer).await;
    matches!(answer, Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 200"))
}

/// The settings with free addresses in place of their own.
fn settings(ports: &Ports, agents: &[(&'static Agent, SocketAddr)], fast: bool) -> String {
    let mut text = SETTINGS
        .replace(SIP_IN_SETTINGS, &ports.sip.to_string())
        .replace(HTTP_IN_SETTINGS, &ports.http.to_string())
        .replace(MEDIA_IN_SETTINGS, &ports.media);
    for (agent, address) in agents {
        text = text.replace(agent.in_settings, &address.to_string());
    }
    if fast {
        text = text
            .replace("tries = 2", "tries = 1")
            .replace("\"not-verified\"", "\"goodbye\"");
    }
    text
}

/// Ports for one switch.
struct Ports {
    sip: SocketAddr,
    http: SocketAddr,
    media: String,
}

/// Blocks of ports below those that systems give out by themselves (from 32768), so that nobody gets one by chance.
const FIRST: u16 = 10_240;
const BLOCK: u16 = 256;
const BLOCKS: u64 = 86;
/// Within a block: SIP, HTTP, audio.
const MEDIA: std::ops::RangeInclusive<u16> = 16..=215;

impl Ports {
    /// Finds a block of ports that nobody uses, beginning anywhere, so that demos that run at once do not meet.
    fn find() -> Result<Self> {
        let begin = clock::unforeseeable() % BLOCKS;
        let blocks = (0..BLOCKS).map(|at| FIRST + BLOCK * ((begin + at) % BLOCKS) as u16);
        for first in blocks {
            if is_free(first) {
                let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
                return Ok(Self {
                    sip: here(first),
                    http: here(first + 1),
                    media: format!("{}-{}", first + MEDIA.start(), first + MEDIA.end()),
                });
            }
        }
        bail!("there are no {BLOCK} free ports in a row on this machine");
    }
}

fn is_free(first: u16) -> bool {
    let udp = |port: u16| UdpSocket::bind(("127.0.0.1", port)).is_ok();
    let tcp = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    udp(first) && tcp(first) && tcp(first + 1) && MEDIA.into_iter().all(|at| udp(first + at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::agent::AGENTS;

    #[test]
    fn everything_that_the_demo_replaces_stands_in_its_settings() {
        let agents = AGENTS.iter().map(|agent| agent.in_settings);
        let replaced = [SIP_IN_SETTINGS, HTTP_IN_SETTINGS, MEDIA_IN_SETTINGS];
        let fast = ["tries = 2", "\"not-verified\""];
        for text in replaced.into_iter().chain(fast).chain(agents) {
            assert!(SETTINGS.contains(text), "{text}");
        }
    }

    #[test]
    fn settings_of_the_demo_have_no_fault() {
        let files = [routing::SourceText {
            name: "demo.toml".into(),
            text: SETTINGS.into(),
        }];
        let directory = routing::Directory::load(&files, &[], &mut |_| Ok(Vec::new())).unwrap();
        assert_eq!(directory.number_count(), 7);
    }
}
