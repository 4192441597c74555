//! Every fault of the settings is reported at its place, all at once.

use std::io;

use routing::{Directory, FaultAt, SourceText};

/// A whole configuration, to which each case adds what is wrong.
const WHOLE: &str = r#"
[[listen]]
transport = "udp"
address = "127.0.0.1:5060"
[[trunk]]
name = "carrier-a"
sources = ["192.0.2.0/28"]
[[tenant]]
name = "acme"
[[tenant]]
name = "globex"
[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@127.0.0.1:5071"
[[agent]]
name = "zoe"
tenant = "globex"
uri = "sip:zoe@127.0.0.1:5072"
[[plan]]
name = "sales"
tenant = "acme"
agents = ["alice"]
[[number]]
did = "+12025550100"
plan = "sales"
"#;

/// Text added to a whole configuration, `¦` where the fault is; then its key, then how its message begins.
const CASES: &[(&str, &str, &str)] = &[
    // Unknown, missing, of the wrong type, out of limits.
    (
        "[switch]\n¦shard = 2",
        "switch.shard",
        "[switch] has no such setting (did you mean \"shards\"?)",
    ),
    (
        "[switch]\n¦colour = 2",
        "switch.colour",
        "[switch] has no such setting",
    ),
    (
        "[¦swich]\nshards = 2",
        "swich",
        "there is no such table (did you mean \"switch\"?)",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.99\"]\n¦caps = 2",
        "trunk[1].caps",
        "[[trunk]] has no such",
    ),
    (
        "[[¦switch]]\nshards = 2",
        "switch",
        "it stands once, so it is written [switch]",
    ),
    ("[http.¦x]", "http.x", "[http] has no such setting"),
    (
        "¦[[trunk]]\nname = \"b\"",
        "trunk[1]",
        "sources is missing: List of addresses",
    ),
    (
        "¦[[trunk]]\nsources = [\"192.0.2.99\"]",
        "trunk[1]",
        "name is missing: Name, 1 to 64",
    ),
    (
        "¦[[plan]]\nname = \"b\"\ntenant = \"acme\"",
        "plan[1]",
        "agents is missing",
    ),
    (
        "[switch]\nshards = ¦\"two\"",
        "switch.shards",
        "a text stands where this is expected: Whole number, 1 to 64",
    ),
    (
        "[switch]\nshards = ¦65",
        "switch.shards",
        "65 is not within the limits: Whole number, 1 to 64",
    ),
    (
        "[switch]\nshards = ¦-1",
        "switch.shards",
        "-1 is not within the limits",
    ),
    ("[switch]\nnode = ¦\"a b\"", "switch.node", "\"a b\" is no name"),
    (
        "[switch]\nuser_agent = ¦\"a\\nb\"",
        "switch.user_agent",
        "control characters",
    ),
    (
        "[switch]\nhost = ¦\"192.0.2.256\"",
        "switch.host",
        "\"192.0.2.256\" is neither a host name nor an address",
    ),
    (
        "[media]\nanchor = ¦1",
        "media.anchor",
        "a whole number stands where this is expected: true or false",
    ),
    (
        "[media]\nports = ¦\"30000-20000\"",
        "media.ports",
        "\"30000-20000\" is no range of ports",
    ),
    (
        "[media]\n¦adress = \"127.0.0.1\"",
        "media.adress",
        "[media] has no such setting (did you mean \"address\"?)",
    ),
    (
        "[media]\naddress = ¦\"0.0.0.0\"",
        "media.address",
        "0.0.0.0 is no address for audio to go to",
    ),
    (
        "[media]\nadvertise = ¦\"::1\"",
        "media.advertise",
        "::1 and 127.0.0.1 are not of the same family",
    ),
    (
        "[timers]\nt1 = ¦\"500\"",
        "timers.t1",
        "\"500\" is no duration: a whole number and ms, s, m, h or d",
    ),
    (
        "[timers]\nt1 = ¦\"1h\"",
        "timers.t1",
        "1h is not within 10ms to 5s",
    ),
    (
        "[timers]\nt1 = ¦500",
        "timers.t1",
        "a whole number stands where this is expected: Duration, 10ms to 5s",
    ),
    (
        "[timers]\nt1 = \"5s\"\nt2 = ¦\"4s\"",
        "timers.t2",
        "t2 is the longest gap",
    ),
    (
        "[timers]\nt1 = ¦\"99999999999999999999s\"",
        "timers.t1",
        "\"99999999999999999999s\" is no duration",
    ),
    (
        "[strangers]\nanswer = ¦\"refuze\"",
        "strangers.answer",
        "\"refuze\" is none of the choices (did you mean \"refuse\"?)",
    ),
    // Listeners.
    (
        "[[listen]]\ntransport = \"tcp\"\naddress = ¦\"0.0.0.0:5060\"",
        "listen[1].address",
        "0.0.0.0:5060 is no address that",
    ),
    (
        "[[listen]]\ntransport = \"udp\"\naddress = ¦\"127.0.0.1:5060\"",
        "listen[1].address",
        "udp 127.0.0.1:5060 is given twice",
    ),
    (
        "[[listen]]\ntransport = \"tcp\"\naddress = ¦\"127.0.0.1\"",
        "listen[1].address",
        "\"127.0.0.1\" is no address with a port",
    ),
    (
        "[[listen]]\ntransport = \"tcp\"\naddress = \"0.0.0.0:1\"\nadvertise = ¦\"a:0\"",
        "listen[1].advertise",
        "\"a:0\" has no valid port",
    ),
    (
        "[[listen]]\ntransport = ¦\"tls\"\naddress = \"127.0.0.1:1\"",
        "listen[1].transport",
        "\"tls\" is none of the choices",
    ),
    // Trunks.
    (
        "[[trunk]]\nname = ¦\"carrier-a\"\nsources = [\"192.0.2.99\"]",
        "trunk[1].name",
        "trunk \"carrier-a\" is in whole.toml:6 already",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.99\", ¦\"192.0.2.7\"]",
        "trunk[1].sources[1]",
        "192.0.2.7/32 overlaps with 192.0.2.0/28 of the trunk at whole.toml:5",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [\"2001:db8::/32\", ¦\"2001:db8::1\"]",
        "trunk[1].sources[1]",
        "2001:db8::1/128 overlaps with 2001:db8::/32 of this trunk",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [¦\"192.0.3.7/24\"]",
        "trunk[1].sources[0]",
        "192.0.3.7/24 has bits set beyond its prefix (did you mean \"192.0.3.0/24\"?)",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [¦\"carrier.example.com\"]",
        "trunk[1].sources[0]",
        "\"carrier.example.com\" is neither an address nor",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [¦\"192.0.2.0/33\"]",
        "trunk[1].sources[0]",
        "\"192.0.2.0/33\" is neither an address nor",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = ¦[]",
        "trunk[1].sources",
        "an empty list",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.99\"]\nburst = ¦5",
        "trunk[1].burst",
        "burst means nothing without calls_per_second",
    ),
    (
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.99\"]\ncountry = ¦\"044\"",
        "trunk[1].country",
        "\"044\" stands where this is expected: Country",
    ),
    // Tenants, agents, plans.
    (
        "[[tenant]]\nname = ¦\"acme\"",
        "tenant[2].name",
        "tenant \"acme\" is in whole.toml:9 already",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = ¦\"acne\"\nuri = \"sip:b@127.0.0.1\"",
        "agent[2].tenant",
        "there is no tenant \"acne\" (did you mean \"acme\"?)",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"bob@127.0.0.1\"",
        "agent[2].uri",
        "no SIP URI: it begins with sip:",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sips:b@127.0.0.1\"",
        "agent[2].uri",
        "sips: needs TLS",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@phone.example.com\"",
        "agent[2].uri",
        "\"phone.example.com\" is no address: host names of agents are not looked up",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@127.0.0.1:0\"",
        "agent[2].uri",
        "no SIP URI: the port",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@127.0.0.1;transport=ws\"",
        "agent[2].uri",
        "transport=ws is not spoken",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@127.0.0.1?a=b\"",
        "agent[2].uri",
        "no SIP URI for an agent: headers",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b c@127.0.0.1\"",
        "agent[2].uri",
        "no SIP URI: byte 5",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = ¦[]",
        "plan[1].agents",
        "an empty list: a plan rings at least one",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [¦\"alise\"]",
        "plan[1].agents[0]",
        "there is no agent \"alise\" (did you mean \"alice\"?)",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\", ¦\"zoe\"]\nring = \"all\"",
        "plan[1].agents[1]",
        "the agent \"zoe\" belongs to another tenant",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nring = \"all\"\nagents = [\"alice\", ¦\"alice\"]",
        "plan[1].agents[1]",
        "the agent is rung twice",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = ¦[\"alice\", \"alice\"]",
        "plan[1].agents",
        "2 agents, but ring = \"one\" rings one",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [{ agent = \"alice\", ¦ringtime = \"5s\" }]",
        "plan[1].agents[0].ringtime",
        "{ agent, ring_time } has no such setting (did you mean \"ring_time\"?)",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [{ agent = \"alice\", ring_time = ¦\"6m\" }]",
        "plan[1].agents[0].ring_time",
        "6m is not within 1s to 5m",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [¦{ ring_time = \"5s\" }]",
        "plan[1].agents[0]",
        "agent is missing",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [¦7]",
        "plan[1].agents[0]",
        "a whole number stands where this is expected: List of names",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = { plan = ¦\"sails\" }",
        "plan[1].overflow.plan",
        "there is no plan \"sails\" (did you mean \"sales\"?)",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = { agent = ¦\"zoe\" }",
        "plan[1].overflow.agent",
        "the agent \"zoe\" belongs to another tenant",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = { refuse = ¦200 }",
        "plan[1].overflow.refuse",
        "200 is not within the limits",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = ¦{ plan = \"sales\", agent = \"alice\" }",
        "plan[1].overflow",
        "exactly one is needed",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = ¦\"sales\"",
        "plan[1].overflow",
        "a text stands where this is expected: { plan",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = ¦{ plan = \"p\" }",
        "plan[1].overflow",
        "overflow goes in a circle: p → p",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = ¦{ plan = \"q\" }\n[[plan]]\nname = \"q\"\ntenant = \"acme\"\nagents = [\"alice\"]\noverflow = { plan = \"p\" }",
        "plan[1].overflow",
        "overflow goes in a circle: p → q → p",
    ),
    (
        "[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\"]\nchallenge_fallback = ¦{ refuse = 480 }",
        "plan[1].challenge_fallback",
        "the call is answered by then",
    ),
    (
        "[emergency]\ndestination = ¦{ refuse = 404 }",
        "emergency.destination",
        "an emergency call goes to a plan or an agent",
    ),
    (
        "[emergency]\nnumbers = [\"911\", ¦\"9-1-1\"]",
        "emergency.numbers[1]",
        "\"9-1-1\" stands where this is expected",
    ),
    // Numbers.
    (
        "[[number]]\ndid = ¦\"+12025550100\"\nplan = \"sales\"",
        "number[1].did",
        "the tracking number +1…00 is in the row at whole.toml:24 already",
    ),
    (
        "[[number]]\nrange = ¦\"+12025550098-+12025550102\"\nplan = \"sales\"",
        "number[1].range",
        "the tracking number +1…00 is in the row at whole.toml:24",
    ),
    (
        "[[number]]\nrange = ¦\"+12025550109-+12025550101\"\nplan = \"sales\"",
        "number[1].range",
        "the last number comes before the first",
    ),
    (
        "[[number]]\nrange = ¦\"+12025550109\"\nplan = \"sales\"",
        "number[1].range",
        "no range of numbers",
    ),
    (
        "[[number]]\nrange = ¦\"+999000000000-+999000100000\"\nplan = \"sales\"",
        "number[1].range",
        "100001 numbers, at most 100000",
    ),
    (
        "[[number]]\ndid = ¦\"2025550101\"\nplan = \"sales\"",
        "number[1].did",
        "no number in international form: an international number begins with +",
    ),
    (
        "¦[[number]]\nplan = \"sales\"",
        "number[1]",
        "one of these is needed: did, range, dids_file",
    ),
    (
        "[[number]]\ndid = \"+12025550101\"\nrange = ¦\"+12025550102-+12025550103\"\nplan = \"sales\"",
        "number[1].range",
        "only one of these may be given",
    ),
    (
        "¦[[number]]\ndid = \"+12025550101\"",
        "number[1]",
        "plan is missing: a number that is active needs one",
    ),
    (
        "¦[[number]]\ndid = \"+12025550101\"\nstate = \"released\"",
        "number[1]",
        "tenant is missing",
    ),
    (
        "[[number]]\ndid = \"+12025550101\"\nplan = \"sales\"\ntenant = ¦\"globex\"",
        "number[1].tenant",
        "the plan belongs to another tenant",
    ),
    (
        "[[number]]\ndids_file = ¦\"none.txt\"\nplan = \"sales\"",
        "number[1].dids_file",
        "none.txt cannot be read",
    ),
    // Lists.
    (
        "[[block]]\nnumber = ¦\"+1202555014x\"",
        "block[0].number",
        "no number in international form: character at byte",
    ),
    (
        "[[block]]\nprefix = ¦\"+0\"",
        "block[0].prefix",
        "a prefix is + and 1 to 15 digits",
    ),
    (
        "[[block]]\ncnam = ¦\"*\"",
        "block[0].cnam",
        "a name pattern has at least one character",
    ),
    (
        "¦[[block]]\nreason = \"none\"",
        "block[0]",
        "one of these is needed: number, prefix, cnam",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\ncnam = ¦\"x\"",
        "block[0].cnam",
        "only one of these may be given",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\n¦trunk = \"carrier-a\"",
        "block[0].trunk",
        "[[block]] has no such setting",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\ntreatment = ¦\"allow\"",
        "block[0].treatment",
        "\"allow\" is none of the choices",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\nexpires = ¦\"soon\"",
        "block[0].expires",
        "no date",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\nexpires = ¦2027-01-31T10:00:00",
        "block[0].expires",
        "a time needs its offset",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\nexpires = ¦10:00:00",
        "block[0].expires",
        "no date",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\ntenant = \"acme\"\ndid = ¦\"+12025550100\"",
        "block[0].did",
        "only one of these may be given: tenant, did",
    ),
    (
        "[[block]]\nnumber = \"+12025550187\"\ndid = ¦\"+12025550199\"",
        "block[0].did",
        "there is no tracking number +1…99",
    ),
    (
        "[[allow]]\nnumber = \"+12025550187\"\ntrunk = ¦\"carrier-b\"",
        "allow[0].trunk",
        "there is no trunk \"carrier-b\" (did you mean \"carrier-a\"?)",
    ),
    (
        "[[allow]]\nnumber = \"+12025550187\"\nattestation = ¦\"D\"",
        "allow[0].attestation",
        "\"D\" is none of the choices",
    ),
    (
        "[[block_file]]\npath = ¦\"none.txt\"",
        "block_file[0].path",
        "none.txt cannot be read",
    ),
    (
        "[[do_not_originate]]\nnumbers = [\"+12025550187\", ¦\"x\"]",
        "do_not_originate[0].numbers[1]",
        "no number in",
    ),
    // Detective, responses.
    (
        "[[detective.signal]]\nsignal = ¦\"caller_attempt\"\nwindow = \"10m\"",
        "detective.signal[0].signal",
        "\"caller_attempt\" is none of the choices (did you mean \"caller_attempts\"?)",
    ),
    (
        "¦[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"11m\"",
        "detective.signal[0]",
        "no published caller_attempts has this window, so over is needed",
    ),
    (
        "[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"\n¦[[detective.signal]]\nsignal = \"caller_attempts\"\nwindow = \"10m\"",
        "detective.signal[1]",
        "a row of this signal and window is in whole.toml:27 already",
    ),
    (
        "¦[[detective.signal]]\nsignal = \"caller_numbers\"\nwindow = \"10m\"\nover = 16",
        "detective.signal[0]",
        "the threshold is 15 at most",
    ),
    (
        "[[detective.signal]]\nsignal = \"caller_numbers\"\nwindow = \"10m\"\nscore = ¦1.5",
        "detective.signal[0].score",
        "1.5 is not within 0 to 1",
    ),
    (
        "¦[[detective.signal]]\nsignal = \"caller_numbers\"\nwindow = \"10m\"\ntreatment = \"reject\"",
        "detective.signal[0]",
        "\"reject\" needs a way to complain: one of analytics_url",
    ),
    (
        "[responses]\nowner_blocked = ¦404",
        "responses.owner_blocked",
        "404 is not within the limits: One of 607, 603, 486, 480",
    ),
    (
        "[responses]\nretry_after = ¦\"500ms\"",
        "responses.retry_after",
        "Retry-After counts whole seconds",
    ),
    (
        "[responses]\nanalytics_url = ¦\"ftp://example.com\"",
        "responses.analytics_url",
        "it begins with http:// or https://",
    ),
    (
        "[responses]\nanalytics_email = ¦\"a;b@example.com\"",
        "responses.analytics_email",
        "it has an @ and no space",
    ),
    // No TOML.
    ("[switch¦", "", "unclosed table"),
    ("[switch]\nshards = 1\n¦shards = 2", "", "duplicate key"),
];

#[test]
fn every_fault_is_reported_at_its_place_and_alone() {
    let mut wrong = Vec::new();
    for (added, key, message) in CASES {
        let marked = format!("{WHOLE}{added}\n");
        let at = marked.find('¦').unwrap();
        let before = &marked[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
        let text = marked.replace('¦', "");
        let faults = faults_of(&[("whole.toml", &text)]);
        let is_right = |fault: &FaultAt| {
            (fault.line, fault.column, fault.key.as_str()) == (line, column, *key)
                && fault.message.starts_with(message)
        };
        if !matches!(faults.as_slice(), [fault] if is_right(fault)) {
            wrong.push(format!(
                "{added}\nat {line}:{column} {key}: {message}\n{faults:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn faults_of_several_files_come_together_in_order() {
    let carriers =
        "[[trunk]]\nname = \"b\"\nsources = [\"192.0.2.300\"]\nburts = 3\n\n[switch]\nshards = 0\n";
    let people = "[switch]\nnode = \"n\"\n[[agent]]\nname = \"bob\"\ntenant = \"nobody\"\nuri = \"sip:bob@127.0.0.1\"\n";
    let faults = faults_of(&[
        ("a.toml", WHOLE),
        ("b/carriers.toml", carriers),
        ("people.toml", people),
    ]);
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        each,
        [
            "b/carriers.toml:3:12: trunk[0].sources[0]: \"192.0.2.300\" is neither an address nor a network: \"192.0.2.1\", \"192.0.2.0/24\"",
            "b/carriers.toml:4:1: trunk[0].burts: [[trunk]] has no such setting (did you mean \"burst\"?)",
            "b/carriers.toml:7:10: switch.shards: 0 is not within the limits: Whole number, 1 to 64",
            "people.toml:1:1: switch: [switch] stands in b/carriers.toml:6 already, it may stand once",
            "people.toml:5:10: agent[0].tenant: there is no tenant \"nobody\"",
        ]
    );
}

#[test]
fn file_that_is_no_toml_does_not_hide_faults_of_the_others_nor_make_new_ones() {
    let broken = "[[tenant]]\nname = \"initech\n\n[[agent]]\nname = = 3\n";
    let good = "[[agent]]\nname = \"bob\"\ntenant = \"initech\"\nuri = \"sip:bob@nowhere\"\n";
    let faults = faults_of(&[("a.toml", WHOLE), ("broken.toml", broken), ("good.toml", good)]);
    let files: Vec<(&str, usize)> = faults
        .iter()
        .map(|fault| (fault.file.as_str(), fault.line))
        .collect();
    assert!(files.contains(&("broken.toml", 2)), "{faults:#?}");
    assert!(files.contains(&("broken.toml", 5)), "{faults:#?}");
    assert!(files.contains(&("good.toml", 4)), "{faults:#?}");
    assert!(
        !files.contains(&("good.toml", 3)),
        "the tenant may stand in the broken file: {faults:#?}"
    );
}

#[test]
fn column_counts_characters_and_not_bytes() {
    let text = format!("{WHOLE}[[block]]\ncnam = \"Ünüversal ☎\" # é\nnumber = \"é\" \n");
    let faults = faults_of(&[("whole.toml", &text)]);
    assert_eq!(faults.len(), 1);
    let inline = format!(
        "{WHOLE}[[plan]]\nname = \"p\"\ntenant = \"acme\"\nagents = [\"alice\", \"é☎\", \"bert\"]\nring = \"all\"\n"
    );
    let faults = faults_of(&[("whole.toml", &inline)]);
    let places: Vec<usize> = faults.iter().map(|fault| fault.column).collect();
    assert_eq!(places, [20, 26], "{faults:#?}");
}

#[test]
fn empty_configuration_is_a_fault_of_its_own() {
    let faults = faults_of(&[("empty.toml", "")]);
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        each,
        ["empty.toml:1:1: listen: no [[listen]]: no call could ever come in"]
    );
    assert_eq!(faults_of(&[]).len(), 1);
}

#[test]
fn bad_line_of_a_list_is_reported_in_the_list() {
    let text = format!("{WHOLE}[[block_file]]\npath = \"lists/bad.txt\"\n");
    let files = [SourceText {
        name: "etc/whole.toml".into(),
        text,
    }];
    let list =
        "# callers\n+12025550187\n\n  12025550188 # no plus\r\n+1 (202) 555-0189 # fine\n+1202555o190\n";
    let mut asked = Vec::new();
    let faults = Directory::load(&files, &[], &mut |path| {
        asked.push(path.to_owned());
        Ok(list.into())
    });
    assert_eq!(asked, ["etc/lists/bad.txt"]);
    let each: Vec<String> = faults.unwrap_err().iter().map(ToString::to_string).collect();
    let problem = "block_file[0].path: no number in international form";
    assert_eq!(
        each,
        [
            format!("etc/lists/bad.txt:4:3: {problem}: an international number begins with +"),
            format!(
                "etc/lists/bad.txt:6:1: {problem}: character at byte 7 is neither a digit nor a separator"
            ),
        ]
    );
}

#[test]
fn list_with_nothing_but_faults_shows_twenty_of_them_and_counts_the_rest() {
    let text = format!("{WHOLE}[[block_file]]\npath = \"bad.txt\"\n");
    let files = [SourceText {
        name: "whole.toml".into(),
        text,
    }];
    let faults = Directory::load(&files, &[], &mut |_| Ok(b"x\n".repeat(1000))).unwrap_err();
    assert_eq!(faults.len(), 21);
    assert_eq!(
        faults[20].to_string(),
        "whole.toml:28:8: block_file[0].path: bad.txt has 980 more faults"
    );
}

#[test]
fn tracking_number_twice_in_a_file_is_reported_at_its_line() {
    let text = format!("{WHOLE}[[number]]\ndids_file = \"dids.txt\"\nplan = \"sales\"\n");
    let files = [SourceText {
        name: "whole.toml".into(),
        text,
    }];
    let list = "+12025550101\n+12025550100\n+12025550101\n";
    let faults = Directory::load(&files, &[], &mut |_| Ok(list.into())).unwrap_err();
    let each: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let key = "number[1].dids_file: the tracking number";
    assert_eq!(
        each,
        [
            format!("dids.txt:2:1: {key} +1…00 is in the row at whole.toml:24 already"),
            format!("dids.txt:3:1: {key} +1…01 is in the row at whole.toml:27 already"),
        ]
    );
}

fn faults_of(files: &[(&str, &str)]) -> Vec<FaultAt> {
    let files: Vec<SourceText> = files
        .iter()
        .map(|(name, text)| SourceText {
            name: (*name).into(),
            text: (*text).into(),
        })
        .collect();
    let missing = &mut |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    Directory::load(&files, &[], missing).expect_err("the configuration has a fault")
}
