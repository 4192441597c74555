//! The settings themselves. Order is the order of the reference.

use crate::catalogue::Kind::{
    Agents, Announcement, Choice, Cnam, Count, CountryCode, Date, Destination, DialledNumbers,
    DiallingPrefix, Flag, Fraction, Host, HostPort, Ip, Name, Networks, Number, Numbers, Path, Ports, Prefix,
    Range, Socket, Status, Tables, Text, Time, Uri,
};
use crate::catalogue::Presence::{Default, Optional, Required};
use crate::catalogue::{Kind, Presence, Setting, TableSpec};

const MS: u64 = 1;
const SECOND: u64 = 1_000 * MS;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(crate) const TREATMENTS: &[&str] = &["allow", "tag", "challenge", "announce", "reject"];
const BLOCK_TREATMENTS: &[&str] = &["tag", "challenge", "announce", "reject"];
const SIGNALS: &[&str] = &[
    "caller_attempts",
    "caller_numbers",
    "caller_short_calls",
    "caller_quick_cancels",
    "prefix_attempts",
];

const fn setting(key: &'static str, kind: Kind, presence: Presence, doc: &'static str) -> Setting {
    Setting {
        key,
        kind,
        presence,
        doc,
    }
}

// Settings that several tables share.
const REASON: Setting = setting(
    "reason",
    Text(256),
    Optional("\"asked to stop, calls on\""),
    "Why, in the author's words; shown wherever a call is explained.",
);
const AUTHOR: Setting = setting(
    "author",
    Text(64),
    Optional("\"front desk\""),
    "Who made the entry.",
);
const EXPIRES: Setting = setting(
    "expires",
    Date,
    Optional("2027-01-31"),
    "From when on the entry no longer matches; it stays for good where absent.",
);
const LIST_TENANT: Setting = setting(
    "tenant",
    Name,
    Optional("\"acme\""),
    "The business whose calls the entry is for; without tenant and did it is the operator's, for all calls.",
);
const LIST_DID: Setting = setting(
    "did",
    Number,
    Optional("\"+12025550100\""),
    "The one tracking number whose calls the entry is for, in place of tenant.",
);
const LIST_NUMBER: Setting = setting(
    "number",
    Number,
    Optional("\"+12025550143\""),
    "The caller's number; exactly one of number, prefix, cnam is given.",
);
const LIST_PREFIX: Setting = setting(
    "prefix",
    Prefix,
    Optional("\"+1202555\""),
    "The first digits of callers' numbers, in place of number.",
);
const LIST_CNAM: Setting = setting(
    "cnam",
    Cnam,
    Optional("\"*warranty*\""),
    "The caller's name as shown, in place of number.",
);
const LIST_PATH: Setting = setting(
    "path",
    Path,
    Required("\"lists/blocked.txt\""),
    "A file of numbers in international form, one on each line; # begins a comment.",
);
const ALLOW_PATH: Setting = setting("path", Path, Required("\"lists/allowed.txt\""), LIST_PATH.doc);
const TREATMENT: Setting = setting(
    "treatment",
    Choice(BLOCK_TREATMENTS),
    Default("\"reject\""),
    "What a caller on the list gets.",
);
const ALLOW_TRUNK: Setting = setting(
    "trunk",
    Name,
    Optional("\"carrier-a\""),
    "The trunk that the call must come from for the entry to count.",
);
const ALLOW_ATTESTATION: Setting = setting(
    "attestation",
    Choice(&["A", "B", "C"]),
    Optional("\"A\""),
    "The attestation (RFC 8588) that the call must have, or a better one, for the entry to count.",
);

const NEVER_CALLING_PREFIX: Setting = setting(
    "prefix",
    Prefix,
    Optional("\"+12025558\""),
    "The first digits of such numbers.",
);

pub(crate) static TABLES: &[TableSpec] = &[
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
                "How long an anchored call may be without any audio, on hold too, before it is hung up.",
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
                "How many leading digits, country code included, make a caller's prefix.",
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
    TableSpec {
        name: "trunk",
        many: true,
        doc: "A peering carrier, known by the addresses that its calls come from.",
        settings: &[
            setting(
                "name",
                Name,
                Required("\"carrier-a\""),
                "Its name, in records, logs and metrics.",
            ),
            setting(
                "sources",
                Networks,
                Required("[\"127.0.0.1\", \"192.0.2.0/28\"]"),
                "Where its calls come from; no two trunks overlap.",
            ),
            setting(
                "calls_per_second",
                Count(1, 100_000),
                Optional("50"),
                "New calls per second in the long run; 503 beyond it. Any number where absent.",
            ),
            setting(
                "burst",
                Count(1, 100_000),
                Optional("100"),
                "New calls that may come at one instant; as many as in a second where absent.",
            ),
            setting(
                "calls_at_once",
                Count(1, 1_000_000),
                Optional("2000"),
                "Calls that may be up at the same time; 503 beyond it. Any number where absent.",
            ),
            setting(
                "trust_identity",
                Flag,
                Default("false"),
                "Whether its P-Asserted-Identity (RFC 3325) is believed; removed otherwise.",
            ),
            setting(
                "emergency_marks",
                Flag,
                Default("false"),
                "Whether its Priority: psap-callback (RFC 7090) and Resource-Priority (RFC 4412) count; removed otherwise.",
            ),
            setting(
                "own_numbers",
                Flag,
                Default("false"),
                "Whether it may bring calls from our own numbers, as a carrier does that our agents call out through.",
            ),
            setting(
                "country",
                CountryCode,
                Optional("\"1\""),
                "The country whose national numbers it may send; numbers without + are taken as international where absent.",
            ),
            setting(
                "national_prefix",
                DiallingPrefix,
                Optional("\"0\""),
                "What stands before a national number; \"1\" for country 1 and \"0\" otherwise where absent.",
            ),
        ],
    },
    TableSpec {
        name: "tenant",
        many: true,
        doc: "A business.",
        settings: &[
            setting(
                "name",
                Name,
                Required("\"acme\""),
                "Its name, in records, logs and metrics.",
            ),
            setting(
                "treatment_max",
                Choice(TREATMENTS),
                Default("\"reject\""),
                "The harshest treatment by any signal of the detective for its calls: \"tag\" only marks calls, \"allow\" only notes them.",
            ),
        ],
    },
    TableSpec {
        name: "agent",
        many: true,
        doc: "Somebody who answers calls.",
        settings: &[
            setting(
                "name",
                Name,
                Required("\"alice\""),
                "The agent's name, for plans and records.",
            ),
            setting("tenant", Name, Required("\"acme\""), "The business."),
            setting(
                "uri",
                Uri,
                Required("\"sip:alice@192.0.2.10:5060\""),
                "Where the agent's phone listens; the host is an address or localhost.",
            ),
        ],
    },
    TableSpec {
        name: "plan",
        many: true,
        doc: "What happens to a call that screening lets through.",
        settings: &[
            setting(
                "name",
                Name,
                Required("\"sales\""),
                "Its name, for numbers and records.",
            ),
            setting("tenant", Name, Required("\"acme\""), "The business."),
            setting(
                "ring",
                Choice(&["one", "all", "hunt"]),
                Default("\"one\""),
                "Whether the one agent is rung, all at the same time, or one after another.",
            ),
            setting(
                "agents",
                Agents,
                Required("[\"alice\"]"),
                "Whom to ring, in order, at most 50.",
            ),
            setting(
                "ring_time",
                Time(SECOND, 5 * MINUTE),
                Default("\"20s\""),
                "How long each rings.",
            ),
            setting(
                "overflow",
                Destination,
                Default("{ refuse = 480 }"),
                "What happens when nobody answers.",
            ),
            setting(
                "challenge_fallback",
                Announcement,
                Default("{ announce = \"not-verified\" }"),
                "What a caller hears who does not pass a challenge, or whom screening announces to.",
            ),
            setting(
                "media",
                Choice(&["direct", "anchor"]),
                Optional("\"direct\""),
                "Whether audio goes past the switch or through it; as [media] anchor says where absent.",
            ),
        ],
    },
    TableSpec {
        name: "number",
        many: true,
        doc: "A tracking number, or many that are treated alike; exactly one of did, range, dids_file is given.",
        settings: &[
            setting("did", Number, Optional("\"+12025550100\""), "The number."),
            setting(
                "range",
                Range,
                Optional("\"+12025550110-+12025550119\""),
                "Consecutive numbers, at most 100000 in one row.",
            ),
            setting(
                "dids_file",
                Path,
                Optional("\"lists/numbers.txt\""),
                "A file of numbers in international form, one on each line; # begins a comment.",
            ),
            setting(
                "plan",
                Name,
                Optional("\"sales\""),
                "The plan that calls follow; needed unless the state is released or quarantined.",
            ),
            setting(
                "tenant",
                Name,
                Optional("\"acme\""),
                "The business; that of the plan where absent.",
            ),
            setting(
                "state",
                Choice(&["active", "paused", "released", "quarantined"]),
                Default("\"active\""),
                "Whether calls are taken: active; refused for a while with 480: paused; refused for good with 410: released; or refused with 404 while the number rests: quarantined.",
            ),
            setting(
                "label",
                Text(64),
                Optional("\"spring campaign\""),
                "Where the number is shown: a campaign, a page.",
            ),
        ],
    },
    TableSpec {
        name: "block",
        many: true,
        doc: "A caller who is not wanted.",
        settings: &[
            LIST_NUMBER,
            LIST_PREFIX,
            LIST_CNAM,
            TREATMENT,
            REASON,
            AUTHOR,
            EXPIRES,
            LIST_TENANT,
            LIST_DID,
        ],
    },
    TableSpec {
        name: "block_file",
        many: true,
        doc: "Callers who are not wanted, by the million.",
        settings: &[
            LIST_PATH,
            TREATMENT,
            REASON,
            AUTHOR,
            EXPIRES,
            LIST_TENANT,
            LIST_DID,
        ],
    },
    TableSpec {
        name: "allow",
        many: true,
        doc: "A caller who is always let through: past block lists and detective, not past the hard rules.",
        settings: &[
            LIST_NUMBER,
            LIST_PREFIX,
            LIST_CNAM,
            ALLOW_TRUNK,
            ALLOW_ATTESTATION,
            REASON,
            AUTHOR,
            EXPIRES,
            LIST_TENANT,
            LIST_DID,
        ],
    },
    TableSpec {
        name: "allow_file",
        many: true,
        doc: "Callers who are always let through, by the million.",
        settings: &[
            ALLOW_PATH,
            ALLOW_TRUNK,
            ALLOW_ATTESTATION,
            REASON,
            AUTHOR,
            EXPIRES,
            LIST_TENANT,
            LIST_DID,
        ],
    },
    TableSpec {
        name: "do_not_originate",
        many: true,
        doc: "Numbers that never call anybody: whoever claims one lies. Exactly one of numbers, prefix, path is given.",
        settings: &[
            setting("numbers", Numbers, Optional("[\"+12025550190\"]"), "The numbers."),
            NEVER_CALLING_PREFIX,
            setting(
                "path",
                Path,
                Optional("\"lists/never-calling.txt\""),
                "A file of numbers in international form, one on each line; # begins a comment.",
            ),
        ],
    },
];

/// An entry of a plan's agents, where it is more than a name.
pub(crate) static AGENT_ENTRY: TableSpec = TableSpec {
    name: "{ agent, ring_time }",
    many: false,
    doc: "",
    settings: &[
        setting("agent", Name, Required("\"bob\""), "The agent."),
        setting(
            "ring_time",
            Time(SECOND, 5 * MINUTE),
            Optional("\"15s\""),
            "How long this agent rings.",
        ),
    ],
};

/// Where a call goes.
pub(crate) static DESTINATION: TableSpec = TableSpec {
    name: "{ plan, agent, announce, refuse }",
    many: false,
    doc: "",
    settings: &[
        setting("plan", Name, Optional("\"sales\""), "A plan."),
        setting("agent", Name, Optional("\"alice\""), "An agent."),
        setting(
            "announce",
            Name,
            Optional("\"nobody-available\""),
            "An announcement.",
        ),
        setting("refuse", Count(400, 699), Optional("480"), "A status."),
    ],
};
