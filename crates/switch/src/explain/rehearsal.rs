//! A call that is made up, decided upon by the rules in force.

use std::io::Write;
use std::net::IpAddr;

use anyhow::Result;
use call_model::{Called, CallerSource, Emergency, Facts};
use routing::normalise::{self, Address};
use routing::{Dialling, Directory, Trunk};
use screening::{Explanation, Windows, WindowsCapacity};
use sip_message::{Host, Scheme, Uri};

use crate::command::{DONE, Log, Refusal};
use crate::control::{self, Answer, Question};
use crate::{clock, config};

/// The call to rehearse.
#[derive(clap::Args)]
pub(super) struct MadeUp {
    /// Rehearse a call from this caller: a number as the carrier would write it, a SIP URI, or anonymous.
    #[arg(long, value_name = "CALLER", requires = "to")]
    from: Option<String>,
    /// … to this number, or SIP URI, as the carrier would write it.
    #[arg(long, value_name = "NUMBER", requires = "from")]
    to: Option<String>,
    /// … brought by this trunk; the first of the settings where neither this nor --source is given.
    #[arg(long, value_name = "NAME", requires = "from", conflicts_with = "source")]
    trunk: Option<String>,
    /// … from this address.
    #[arg(long, value_name = "ADDRESS", requires = "from")]
    source: Option<IpAddr>,
    /// … with this caller's name shown.
    #[arg(long, value_name = "CNAM", requires = "from")]
    name: Option<String>,
}

pub(super) fn run(arguments: &MadeUp, log: &Log, json: bool, out: &mut impl Write) -> Result<u8> {
    let data_dir = log.data_dir()?;
    let facts = facts(arguments, &directory_for(log)?)?;
    let answer = control::ask(&data_dir, &Question::Rehearse(Box::new(facts.clone())))?;
    let (explanation, by) = match answer {
        Some(Answer::Rehearsed(explanation)) => (*explanation, "the running switch"),
        Some(_) => anyhow::bail!("the running switch does not know how to rehearse: is it another release?"),
        None => (without_switch(facts, log)?, "the files"),
    };
    if json {
        let told = serde_json::json!({ "by": by, "explanation": explanation });
        writeln!(out, "{told}")?;
        return Ok(DONE);
    }
    write!(out, "{explanation}")?;
    let counted = match by {
        "the files" => "no switch runs, so the detective had nothing counted before this call",
        _ => "nothing was counted, nobody was rung",
    };
    writeln!(out, "\nRehearsed against {by}: {counted}.")?;
    Ok(DONE)
}

/// The settings that tell how numbers are read: the ones that were applied last, else the files. The lists do not
/// matter to that, and may be half-edited.
fn directory_for(log: &Log) -> Result<Directory> {
    if let Ok((store, _)) = log.open()
        && control::is_running(&log.data_dir()?)
        && let Some(version) = store.latest_version()?
        && let Ok(directory) = Directory::load(&super::texts(&version), &[], &mut |_| Ok(Vec::new()))
    {
        return Ok(directory);
    }
    Ok(config::load(log.config()).map_err(Refusal::faulty)?.directory)
}

fn without_switch(facts: Facts, log: &Log) -> Result<Explanation> {
    let (loaded, _) = config::load_with_store(log.config()).map_err(Refusal::faulty)?;
    let nothing_counted = WindowsCapacity {
        counts: 1_024,
        callers_swept: 1_024,
        passes: 1_024,
    };
    let windows = Windows::new(nothing_counted, clock::unforeseeable());
    Ok(control::rehearse(facts, &loaded.directory, &windows))
}

/// The facts of the made-up call, read as those of a real one are.
fn facts(arguments: &MadeUp, directory: &Directory) -> Result<Facts> {
    let (trunk, source) = where_from(arguments, directory)?;
    let from = arguments.from.as_deref().unwrap_or_default();
    let to = arguments.to.as_deref().unwrap_or_default();
    let stranger = Dialling::default();
    let dialling = trunk.map_or(&stranger, |trunk| &trunk.dialling);
    let (from, to) = (Written::of(from)?, Written::of(to)?);
    let called = normalise::called(to.address(), dialling, &directory.emergency);
    Ok(Facts {
        at_ms: clock::unix_ms(),
        trunk: trunk.map(|trunk| trunk.name.clone()),
        source,
        caller: normalise::caller(from.address(), dialling),
        caller_source: CallerSource::From,
        cnam: arguments.name.as_deref().map(Into::into),
        caller_domain: None,
        emergency: matches!(called, Called::Emergency(_)).then_some(Emergency::Call),
        called,
        number_state: None,
        tenant: None,
        attestation: None,
        user_agent: None,
        removed: Vec::new(),
    })
}

fn where_from<'d>(arguments: &MadeUp, directory: &'d Directory) -> Result<(Option<&'d Trunk>, IpAddr)> {
    if let Some(source) = arguments.source {
        return Ok((directory.trunk_of(source), source));
    }
    let trunk = match &arguments.trunk {
        Some(name) => directory.trunk_named(name).ok_or_else(|| {
            let known: Vec<&str> = directory
                .trunks()
                .iter()
                .map(|trunk| trunk.name.as_str())
                .collect();
            Refusal::new(format!(
                "there is no trunk {name}; there are: {}",
                known.join(", ")
            ))
        })?,
        None => directory
            .trunks()
            .first()
            .ok_or_else(|| Refusal::new("the settings have no trunk: say --source".into()))?,
    };
    let source = trunk.sources.first().map(|network| network.address);
    Ok((Some(trunk), source.unwrap_or(IpAddr::from([0, 0, 0, 0]))))
}

/// An address as somebody typed it.
enum Written<'t> {
    /// A number, or a name.
    User(&'t [u8]),
    /// A URI.
    Uri(Uri<'t>),
}

impl<'t> Written<'t> {
    fn of(text: &'t str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Refusal::new("an empty text is no caller, nor called".into()));
        }
        let is_uri = ["sip:", "sips:", "tel:", "urn:"].iter().any(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        });
        if !is_uri {
            return Ok(Self::User(text.as_bytes()));
        }
        let uri = Uri::parse(text.as_bytes()).map_err(|fault| Refusal::new(format!("{text}: {fault}")))?;
        Ok(Self::Uri(uri))
    }

    fn address(&self) -> Address<'t> {
        match self {
            Self::User(user) => Address::Sip { user, host: b"" },
            Self::Uri(uri) => match uri.kind() {
                Scheme::Sip | Scheme::Sips => Address::Sip {
                    user: uri.user.unwrap_or_default(),
                    host: match uri.host {
                        Some(Host::Name(name)) => name,
                        Some(Host::V4(_) | Host::V6(_)) | None => b"",
                    },
                },
                Scheme::Tel => Address::Tel(uri.opaque),
                Scheme::Urn => Address::Urn(uri.opaque),
                Scheme::Other => Address::Other(uri.raw),
            },
        }
    }
}
