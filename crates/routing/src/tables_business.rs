//! The settings of carriers, businesses, plans, numbers, lists, in the order of the reference.

use crate::catalogue::Kind::{
    Agents, Announcement, Choice, Cnam, Count, CountryCode, Date, Destination, DiallingPrefix, Flag, Name,
    Networks, Number, Numbers, Path, Prefix, Range, Text, Time, Uri,
};
use crate::catalogue::Presence::{Default, Optional, Required};
use crate::catalogue::{Setting, TableSpec};
use crate::tables_machine::{MINUTE, SECOND, TREATMENTS, setting};

const BLOCK_TREATMENTS: &[&str] = &["tag", "challenge", "announce", "reject"];

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
    "What a caller on the list gets; \"challenge\" is not posed again while one that was passed counts.",
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

pub(crate) static BUSINESS: &[TableSpec] = &[
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
                "Where the agent's phone listens; the host is an address or localhost, of a transport and a family (IPv4, IPv6) that a [[listen]] has.",
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
        doc: "Callers who are not wanted, by the million. The file is read at the start and at a reload; between them its content stays in memory, whatever becomes of the file.",
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
        doc: "Callers who are always let through, by the million. The file is read like that of a block_file.",
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
