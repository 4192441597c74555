//! What can be wrong, one fault at a time.

/// Text added to a whole configuration, `¦` where the fault is; then its key, then how its message begins.
pub(crate) const CASES: &[(&str, &str, &str)] = &[
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
        "[switch]\nkeep_calls = ¦\"23h\"",
        "switch.keep_calls",
        "23h is not within 1d to 36500d",
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
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@127.0.0.1;transport=tcp\"",
        "agent[2].uri",
        "there is no [[listen]] of transport = \"tcp\": the agent cannot be rung",
    ),
    (
        "[[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@[2001:db8::5]\"",
        "agent[2].uri",
        "no [[listen]] of transport = \"udp\" has an IPv6 address: the agent cannot be rung",
    ),
    (
        "[[listen]]\ntransport = \"tcp\"\naddress = \"[2001:db8::1]:5060\"\n\
         [[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = ¦\"sip:b@127.0.0.1;transport=tcp\"",
        "agent[2].uri",
        "no [[listen]] of transport = \"tcp\" has an IPv4 address: the agent cannot be rung",
    ),
    (
        "[[listen]]\ntransport = \"tcp\"\naddress = ¦\"nowhere\"\n\
         [[agent]]\nname = \"bob\"\ntenant = \"acme\"\nuri = \"sip:b@127.0.0.1;transport=tcp\"",
        "listen[1].address",
        "\"nowhere\" is no address",
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
