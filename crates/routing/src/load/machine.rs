//! The tables about the machine: `[switch]`, `[[listen]]`, `[http]`, `[media]`, `[timers]`, `[strangers]`, `[captcha]`,
//! `[responses]`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use call_model::{E164, Treatment};

use super::Loader;
use super::detective::Detective;
use crate::fault::Place;
use crate::reader::Table;
use crate::settings::{
    CaptchaSettings, HostPort, HttpSettings, Listener, MediaSettings, ResponseSettings, Strangers,
    SwitchSettings, TimerSettings, Transport,
};
use crate::value::{PortRange, bracketed};

impl Loader<'_, '_> {
    pub(super) fn switch(&mut self) -> Option<SwitchSettings> {
        let table = self.one("switch");
        let data_dir = self.path(&table, "data_dir");
        let faults = &mut self.faults;
        let host: Option<Arc<str>> = table.read("host", faults);
        let (node, shards) = (table.read("node", faults), table.read("shards", faults));
        let (calls, records) = (
            table.read("calls_at_once_max", faults),
            table.read("record_queue_max", faults),
        );
        let (duration, setup) = (
            table.read("call_duration_max", faults),
            table.read("setup_max", faults),
        );
        let (keep_calls, user_agent) = (table.read("keep_calls", faults), table.read("user_agent", faults));
        Some(SwitchSettings {
            node: node?,
            shards: shards?,
            data_dir: data_dir?.into(),
            host: host.map(|host| bracketed(&host).into()),
            calls_at_once_max: calls?,
            call_duration_max: duration?,
            setup_max: setup?,
            record_queue_max: records?,
            keep_calls: keep_calls?,
            user_agent: user_agent?,
        })
    }

    pub(super) fn listeners(&mut self, switch: Option<&SwitchSettings>) -> Vec<Listener> {
        let tables = self.many("listen");
        if tables.is_empty() {
            let nowhere = Place {
                file: 0,
                at: 0,
                key: "listen".into(),
            };
            self.faults
                .note_absence(&nowhere, "no [[listen]]: no call could ever come in");
        }
        let mut listeners: Vec<Listener> = Vec::new();
        for table in tables {
            let Some(listener) = self.listener(&table, switch) else {
                continue;
            };
            let same =
                |known: &Listener| (known.transport, known.address) == (listener.transport, listener.address);
            if listeners.iter().any(same) {
                let message = format!(
                    "{} {} is given twice",
                    listener.transport.as_str(),
                    listener.address
                );
                self.faults.note(&table.place("address"), message);
            }
            listeners.push(listener);
        }
        listeners
    }

    fn listener(&mut self, table: &Table<'_>, switch: Option<&SwitchSettings>) -> Option<Listener> {
        let faults = &mut self.faults;
        let transport: Option<Arc<str>> = table.read("transport", faults);
        let address: Option<SocketAddr> = table.read("address", faults);
        let advertise: Option<HostPort> = table.read("advertise", faults);
        let (transport, address) = (transport?, address?);
        let advertise = match (advertise, switch.and_then(|switch| switch.host.clone())) {
            (Some(advertise), _) => advertise,
            // Its own fault has been noted.
            (None, _) if table.given("advertise").is_some() => return None,
            (None, Some(host)) => HostPort {
                host,
                port: address.port(),
            },
            (None, None) if address.ip().is_unspecified() => {
                let message = format!(
                    "{address} is no address that others can answer to: set advertise, or [switch] host"
                );
                faults.note(&table.place("address"), message);
                return None;
            }
            (None, None) => HostPort {
                host: bracketed(&address.ip().to_string()).into(),
                port: address.port(),
            },
        };
        let transport = if &*transport == "tcp" {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        Some(Listener {
            transport,
            address,
            advertise,
        })
    }

    pub(super) fn http(&mut self) -> HttpSettings {
        HttpSettings {
            address: self.one("http").read("address", &mut self.faults),
        }
    }

    pub(super) fn media(&mut self, first: Option<&Listener>) -> Option<MediaSettings> {
        let table = self.one("media");
        let prompts = self.path(&table, "prompts");
        let faults = &mut self.faults;
        let address: Option<IpAddr> = table.read("address", faults);
        let advertise: Option<IpAddr> = table.read("advertise", faults);
        let (ports, threads) = (
            table.read::<PortRange>("ports", faults),
            table.read("threads", faults),
        );
        let (anchor, dead_after) = (table.read("anchor", faults), table.read("dead_after", faults));
        let address = address.or_else(|| first.map(|listener| listener.address.ip()))?;
        let advertise = advertise.unwrap_or(address);
        if advertise.is_unspecified() {
            let key = if table.given("advertise").is_some() {
                "advertise"
            } else {
                "address"
            };
            faults.note(
                &table.place(key),
                format!("{advertise} is no address for audio to go to: set advertise"),
            );
        }
        if advertise.is_ipv4() != address.is_ipv4() {
            let message =
                format!("{advertise} and {address} are not of the same family: both IPv4 or both IPv6");
            faults.note(&table.place("advertise"), message);
        }
        let ports = ports?;
        Some(MediaSettings {
            address,
            advertise,
            ports: (ports.0, ports.1),
            threads: threads?,
            anchor: anchor?,
            dead_after: dead_after?,
            prompts: prompts?.into(),
        })
    }

    pub(super) fn timers(&mut self) -> Option<TimerSettings> {
        let table = self.one("timers");
        let faults = &mut self.faults;
        let (t1, t2, t4) = (
            table.read("t1", faults),
            table.read("t2", faults),
            table.read("t4", faults),
        );
        let agent_silence_max = table.read("agent_silence_max", faults);
        let timers = TimerSettings {
            t1: t1?,
            t2: t2?,
            t4: t4?,
            agent_silence_max: agent_silence_max?,
        };
        if timers.t2 < timers.t1 {
            faults.note(
                &table.place("t2"),
                "t2 is the longest gap, and must not be less than t1",
            );
        }
        Some(timers)
    }

    pub(super) fn strangers(&mut self) -> Strangers {
        match self.one("strangers").read::<Arc<str>>("answer", &mut self.faults) {
            Some(answer) if &*answer == "drop" => Strangers::Drop,
            Some(_) | None => Strangers::Refuse,
        }
    }

    pub(super) fn captcha(&mut self) -> Option<CaptchaSettings> {
        let table = self.one("captcha");
        let faults = &mut self.faults;
        let (tries, wait) = (table.read("tries", faults), table.read("wait", faults));
        Some(CaptchaSettings {
            tries: tries?,
            wait: wait?,
        })
    }

    pub(super) fn responses(&mut self, detective: Option<&Detective>) -> Option<ResponseSettings> {
        let table = self.one("responses");
        let faults = &mut self.faults;
        let (owner, invalid) = (
            table.read("owner_blocked", faults),
            table.read("caller_invalid", faults),
        );
        let (never, own) = (
            table.read("do_not_originate", faults),
            table.read("own_number", faults),
        );
        let url: Option<Arc<str>> = table.read("analytics_url", faults);
        let tel: Option<E164> = table.read("analytics_tel", faults);
        let email: Option<Arc<str>> = table.read("analytics_email", faults);
        let retry_after: Option<Duration> = table.read("retry_after", faults);
        if let Some(url) = &url
            && !(["http://", "https://"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
                && is_reason_text(url))
        {
            let message =
                "it begins with http:// or https:// and has no space, quote, semicolon or backslash";
            faults.note(&table.place("analytics_url"), message);
        }
        if let Some(email) = &email
            && !(email.contains('@') && is_reason_text(email))
        {
            let message = "it has an @ and no space, quote, semicolon or backslash";
            faults.note(&table.place("analytics_email"), message);
        }
        if retry_after.is_some_and(|after| after.subsec_nanos() != 0) {
            faults.note(&table.place("retry_after"), "Retry-After counts whole seconds");
        }
        let somewhere = ["analytics_url", "analytics_tel", "analytics_email"];
        if let Some(rejecting) = detective.and_then(|detective| detective.rejecting.as_ref())
            && somewhere.iter().all(|key| table.given(key).is_none())
        {
            let message = format!(
                "\"{}\" needs a way to complain: one of analytics_url, analytics_tel, analytics_email in [responses]",
                Treatment::Reject
            );
            faults.note_absence(rejecting, message);
        }
        Some(ResponseSettings {
            owner_blocked: owner?,
            caller_invalid: invalid?,
            do_not_originate: never?,
            own_number: own?,
            analytics_url: url,
            analytics_tel: tel,
            analytics_email: email,
            retry_after: retry_after.filter(|after| !after.is_zero()),
        })
    }
}

/// Whether a text can stand within the quoted text of a Reason header, between semicolons.
fn is_reason_text(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b';' | b'\\'))
}
