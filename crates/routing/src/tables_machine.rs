//! The settings of the machine and of screening as a whole, in the order of the reference.

use crate::catalogue::Kind::{
    Choice, Count, Destination, DialledNumbers, Flag, Fraction, Host, HostPort, Ip, Name, Number, Path,
    Ports, Socket, Status, Tables, Text, Time,
};
use crate::catalogue::Presence::{Default, Optional, Required};
use crate::catalogue::{Kind, Presence, Setting, TableSpec};

const MS: u64 = 1;
pub(crate) const SECOND: u64 = 1_000 * MS;
pub(crate) const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(crate) const TREATMENTS: &[&str] = &["allow", "tag", "challenge", "announce", "reject"];
const SIGNALS: &[&str] = &[
    "caller_attempts",
    "caller_numbers",
    "caller_short_calls",
    "caller_quick_cancels",
    "prefix_attempts",
];

pub(crate) const fn setting(key: &'static str, kind: Kind, presence: Presence, doc: &'static str) -> Setting {
    Setting {
        key,
        kind,
        presence,
        doc,
    }
}

pub(crate) static MACHINE: &[TableSpec] = &[
    TableSpec {
        name: "switch",
        many: false,
        doc: "The program as a whole. Changes of node, shards, data_dir, record_queue_max need a restart.",
        settings: &[
            setting(
                "node",
                Name,
                Default("\"ringfence\""),
                "The name of this machine in logs and metrics.",
            ),
            setting(
                "shards",
                Count(1, 64),
                Default("1"),
                "Threads that carry calls, each with its own sockets; at most one for each core.",
            ),
            setting(
                "data_dir",
                Path,
                Default("\"data\""),
                "The folder of the call log, of blocked callers and of the control socket.",
            ),
            setting(
                "host",
                Host,
                Optional("\"sip.example.com\""),
                "The host in our Via and Contact where a listener does not advertise one; its own address where absent.",
            ),
            setting(
                "calls_at_once_max",
                Count(1, 1_000_000),
                Default("20000"),
                "The most calls that a shard holds at once; new calls beyond it get 503.",
            ),
            setting(
                "call_duration_max",
                Time(MINUTE, 7 * DAY),
                Default("\"12h\""),
                "The longest a connected call lasts; then it is hung up.",
            ),
            setting(
                "setup_max",
                Time(10 * SECOND, 15 * MINUTE),
                Default("\"3m\""),
                "The longest a caller waits for an answer, over all agents and overflows.",
            ),
            setting(
                "record_queue_max",
                Count(100, 1_000_000),
                Default("20000"),
                "The most call records that may wait to be written; new calls beyond it get 503, since no record is ever dropped.",
            ),
            setting(
                "keep_calls",
                Time(DAY, 36_500 * DAY),
                Default("\"400d\""),
                "How long a call stays in the call log, from its offer; older ones are forgotten, at the start and every hour.",
            ),
            setting(
                "user_agent",
                Text(64),
                Default("\"Ringfence\""),
                "Our User-Agent and Server header; \"\" for none.",
            ),
        ],
    },
    TableSpec {
        name: "listen",
        many: true,
        doc: "An address on which SIP is heard; at least one. Changes need a restart.",
        settings: &[
            setting(
                "transport",
                Choice(&["udp", "tcp"]),
                Required("\"udp\""),
                "How SIP travels.",
            ),
            setting(
                "address",
                Socket,
                Required("\"127.0.0.1:5060\""),
                "The address and port to listen on; 0.0.0.0 or [::] for every address of the machine.",
            ),
            setting(
                "advertise",
                HostPort,
                Optional("\"sip.example.com:5060\""),
                "The host and port that others see in our Via and Contact; needed where the address is 0.0.0.0 or [::] and [switch] has no host.",
            ),
        ],
    },
    TableSpec {
        name: "http",
        many: false,
        doc: "Metrics for Prometheus, at /metrics. Changes need a restart.",
        settings: &[setting(
            "address",
            Socket,
            Optional("\"127.0.0.1:9060\""),
            "The address and port to serve on; nothing is served where absent.",
        )],
    },
    TableSpec {
        name: "media",
        many: false,
        doc: "Audio that passes through the switch: captchas, announcements, anchored calls. Changes need a restart, but for anchor and dead_after.",
        settings: &[
            setting(
                "address",
                Ip,
                Optional("\"127.0.0.1\""),
                "The address that audio ports are bound to; that of the first listener where absent.",
            ),
            setting(
                "advertise",
                Ip,
                Optional("\"198.51.100.5\""),
                "The address that is offered to callers and agents; needed where the address is 0.0.0.0 or [::].",
            ),
            setting(
                "ports",
                Ports,
                Default("\"20000-29999\""),
                "The ports for audio; a call that passes through takes four.",
            ),
            setting("threads", Count(1, 64), Default("1"), "Threads that move audio."),
            setting(
                "anchor",
                Flag,
                Default("false"),
                "Whether audio passes through the switch for plans that do not say so themselves.",
            ),
            setting(
                "dead_after",
                Time(5 * SECOND, HOUR),
                Default("\"60s\""),
                "How long nothing may come from either side of an anchored call, neither audio nor RTCP, before it is hung up; one side alone may be silent, muted or on hold, for as long as it likes.",
            ),
            setting(
                "prompts",
                Path,
                Default("\"prompts\""),
                "The folder of the spoken prompts, one WAV file each.",
            ),
        ],
    },
    TableSpec {
        name: "timers",
        many: false,
        doc: "The clocks of SIP; other values than the defaults are for test setups, but for agent_silence_max. Changes need a restart.",
        settings: &[
            setting(
                "t1",
                Time(10, 5 * SECOND),
                Default("\"500ms\""),
                "The round trip that retransmissions start from (RFC 3261 timer T1).",
            ),
            setting(
                "t2",
                Time(20, 30 * SECOND),
                Default("\"4s\""),
                "The longest gap between retransmissions (RFC 3261 timer T2).",
            ),
            setting(
                "t4",
                Time(20, 30 * SECOND),
                Default("\"5s\""),
                "How long a message may stay in the network (RFC 3261 timer T4).",
            ),
            setting(
                "agent_silence_max",
                Time(100, 32 * SECOND),
                Default("\"4s\""),
                "How long an agent's phone may send nothing at all after an INVITE before the next agent is tried.",
            ),
        ],
    },
    TableSpec {
        name: "strangers",
        many: false,
        doc: "Calls from an address that is no trunk.",
        settings: &[setting(
            "answer",
            Choice(&["refuse", "drop"]),
            Default("\"refuse\""),
            "Whether they are refused with 403, or dropped without an answer.",
        )],
    },
    TableSpec {
        name: "emergency",
        many: false,
        doc: "Calls to emergency services. They skip every list, rule and limit. urn:service:sos and everything below it (RFC 5031) is always such a call, the numbers are in addition.",
        settings: &[
            setting(
                "numbers",
                DialledNumbers,
                Default("[\"112\", \"911\", \"999\"]"),
                "The emergency numbers as dialled.",
            ),
            setting(
                "destination",
                Destination,
                Optional("{ plan = \"sales\" }"),
                "Where such calls go, a plan or an agent; without it they are refused with 404 and a text that says so, for the carrier to route them another way.",
            ),
        ],
    },
    TableSpec {
        name: "detective",
        many: false,
        doc: "The spam detective: what callers do over time. Its published signals are in force unless changed here.",
        settings: &[
            setting(
                "enabled",
                Flag,
                Default("true"),
                "Whether the detective watches at all.",
            ),
            setting(
                "treatment_max",
                Choice(TREATMENTS),
                Default("\"reject\""),
                "The harshest treatment of the published signals: \"tag\" only marks calls. A [[detective.signal]] with a treatment of its own is not held back.",
            ),
            setting(
                "short_call",
                Time(SECOND, MINUTE),
                Default("\"6s\""),
                "An answered call that lasts less than this is a short call.",
            ),
            setting(
                "quick_cancel",
                Time(100, MINUTE),
                Default("\"3s\""),
                "A call that the caller gives up sooner than this is a quick cancel.",
            ),
            setting(
                "prefix_digits",
                Count(1, 15),
                Default("7"),
                "How many leading digits, country code included, make a caller's prefix; never fewer than the caller's number has before its last four, so at least 7 of 11.",
            ),
            setting(
                "signal",
                Tables,
                Optional("[]"),
                "Rows that replace or add to the published signals.",
            ),
        ],
    },
    TableSpec {
        name: "detective.signal",
        many: true,
        doc: "A signal of the detective. A row with the signal and window of a published one replaces what it gives of it; any other row is added. 16 signals at most.",
        settings: &[
            setting(
                "signal",
                Choice(SIGNALS),
                Required("\"caller_attempts\""),
                "What is counted: calls of a caller to a tenant, distinct numbers called by a caller, short calls, quick cancels, calls of a prefix to a tenant.",
            ),
            setting(
                "window",
                Time(SECOND, 7 * DAY),
                Required("\"10m\""),
                "Over which time.",
            ),
            setting(
                "over",
                Count(0, 65_000),
                Optional("5"),
                "The most that passes, 15 at most for caller_numbers; needed for a row that is added.",
            ),
            setting(
                "treatment",
                Choice(TREATMENTS),
                Optional("\"challenge\""),
                "What a caller over it gets: \"allow\" only notes it, \"reject\" refuses with 603; challenge where absent in a row that is added.",
            ),
            setting(
                "score",
                Fraction,
                Optional("0.6"),
                "How much it speaks against the caller, 1 is certain spam; 0.5 where absent in a row that is added.",
            ),
        ],
    },
    TableSpec {
        name: "captcha",
        many: false,
        doc: "The spoken challenge: a key to press.",
        settings: &[
            setting(
                "tries",
                Count(1, 5),
                Default("2"),
                "How often the caller may try.",
            ),
            setting(
                "wait",
                Time(2 * SECOND, 30 * SECOND),
                Default("\"7s\""),
                "How long each try waits for a key once the sentence is spoken.",
            ),
            setting(
                "pass_life",
                Time(0, 365 * DAY),
                Default("\"7d\""),
                "For how long a caller who passed is not challenged again.",
            ),
            setting(
                "pass_life_attested",
                Time(0, 365 * DAY),
                Default("\"30d\""),
                "The same where the number was attested with A (RFC 8588).",
            ),
        ],
    },
    TableSpec {
        name: "responses",
        many: false,
        doc: "Which status a refusal has.",
        settings: &[
            setting(
                "owner_blocked",
                Status(&[607, 603, 486, 480]),
                Default("607"),
                "For a caller on a block list: Unwanted (RFC 8197), Decline, Busy Here or Temporarily Unavailable.",
            ),
            setting(
                "caller_invalid",
                Status(&[403, 404]),
                Default("403"),
                "For a caller's number that cannot exist.",
            ),
            setting(
                "do_not_originate",
                Status(&[403, 404]),
                Default("403"),
                "For a caller's number on the do-not-originate list.",
            ),
            setting(
                "own_number",
                Status(&[403, 404]),
                Default("403"),
                "For a caller who claims one of our own numbers.",
            ),
            setting(
                "analytics_url",
                Text(128),
                Optional("\"https://calls.example.com/blocked\""),
                "Where a caller whom the detective refused can complain, in the Reason of 603 Network Blocked; one of the three is needed where a signal rejects.",
            ),
            setting(
                "analytics_tel",
                Number,
                Optional("\"+12025550199\""),
                "The same by telephone.",
            ),
            setting(
                "analytics_email",
                Text(128),
                Optional("\"calls@example.com\""),
                "The same by mail.",
            ),
            setting(
                "retry_after",
                Time(0, MINUTE),
                Default("\"1s\""),
                "The Retry-After of the 503 for a trunk over its budget, in whole seconds; \"0s\" for none. Carriers keep away from the whole switch for so long.",
            ),
        ],
    },
];
