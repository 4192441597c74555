//! What a directory says of calls.

use std::io;
use std::time::Duration;

use call_model::{Attestation, Caller, E164, ListKind, NumberState, TenantName, Treatment};
use routing::{
    Destination, Directory, Hunt, MediaPath, Scope, ScopedEntry, SourceText, Step, Strangers, TenantId,
    Transport, normalise,
};
use screening::{ListEntry, ListKey, SignalKind};

const MACHINE: &str = r#"
[[listen]]
transport = "udp"
address = "127.0.0.1:5060"
[[listen]]
transport = "tcp"
address = "[2001:db8::1]:5060"
"#;

const BUSINESS: &str = r#"
[[trunk]]
name = "carrier-a"
sources = ["192.0.2.0/28", "2001:db8::/48"]
country = "44"
calls_per_second = 10
[[trunk]]
name = "carrier-b"
sources = ["198.51.100.7"]
own_numbers = true
[[tenant]]
name = "acme"
[[tenant]]
name = "globex"
treatment_max = "tag"
[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@127.0.0.1:5071"
[[agent]]
name = "bob"
tenant = "acme"
uri = "sip:bob@[2001:db8::5]:5072;transport=TCP"
[[agent]]
name = "carol"
tenant = "acme"
uri = "sip:carol@localhost"
[[agent]]
name = "zoe"
tenant = "globex"
uri = "sip:zoe;x=1@127.0.0.1;lr;transport=udp"
[[plan]]
name = "sales"
tenant = "acme"
ring = "hunt"
agents = [{ agent = "alice", ring_time = "15s" }, "bob"]
overflow = { plan = "everybody" }
[[plan]]
name = "everybody"
tenant = "acme"
ring = "all"
ring_time = "30s"
agents = ["alice", { agent = "bob", ring_time = "45s" }]
overflow = { agent = "carol" }
media = "anchor"
[[plan]]
name = "shop"
tenant = "globex"
agents = ["zoe"]
overflow = { announce = "nobody-available" }
[[plan]]
name = "plain"
tenant = "globex"
agents = ["zoe"]
[[number]]
did = "+12025550100"
plan = "sales"
[[number]]
range = "+12025550110-+12025550119"
plan = "shop"
state = "paused"
label = "spring"
[[number]]
did = "+12025550120"
tenant = "acme"
state = "released"
[[number]]
did = "+12025550121"
tenant = "acme"
state = "quarantined"
"#;

#[test]
fn call_is_led_from_its_source_to_the_agents() {
    let directory = load(&[MACHINE, BUSINESS]);
    let trunk = directory.trunk_of("192.0.2.3".parse().unwrap()).unwrap();
    assert_eq!(trunk.name.as_str(), "carrier-a");
    assert_eq!(trunk.budget.calls_per_second.map(u32::from), Some(10));
    assert_eq!(
        directory.trunk_of("2001:db8:0:1::1".parse().unwrap()).unwrap().id,
        trunk.id
    );
    assert!(directory.trunk_of("192.0.2.16".parse().unwrap()).is_none());
    let uk = normalise::Address::Sip {
        user: b"02079460150",
        host: b"example.com",
    };
    assert_eq!(
        normalise::caller(uk, &trunk.dialling),
        Caller::Number(number("+442079460150"))
    );

    let sales = directory.number(number("+12025550100")).unwrap();
    assert_eq!(sales.state, NumberState::Active);
    assert_eq!(directory.tenant(sales.tenant).unwrap().name.as_str(), "acme");
    let plan = directory.plan(sales.plan.unwrap()).unwrap();
    assert_eq!((plan.name.as_str(), plan.media), ("sales", MediaPath::Direct));
    assert_eq!(&*plan.challenge_fallback, "not-verified");
    let bob = directory.agent(plan.agents[1].agent).unwrap();
    assert_eq!(
        (bob.transport, bob.address),
        (Transport::Tcp, "[2001:db8::5]:5072".parse().unwrap())
    );
    let carol = directory
        .agents()
        .iter()
        .find(|agent| agent.name.as_str() == "carol")
        .unwrap();
    assert_eq!(
        (carol.transport, carol.address),
        (Transport::Udp, "127.0.0.1:5060".parse().unwrap())
    );
    assert_eq!(directory.strangers, Strangers::Refuse);
    assert_eq!(directory.listeners[0].advertise.to_string(), "127.0.0.1:5060");
}

#[test]
fn numbers_have_their_states_and_only_those_in_our_hands_are_our_own() {
    let directory = load(&[MACHINE, BUSINESS]);
    assert_eq!(directory.number_count(), 13);
    let paused = directory.number(number("+12025550119")).unwrap();
    assert_eq!(
        (paused.state, paused.label.as_deref()),
        (NumberState::Paused, Some("spring"))
    );
    for (did, is_own) in [
        ("+12025550100", true),
        ("+12025550110", true),
        ("+12025550120", false),
        ("+12025550121", true),
        ("+12025550122", false),
    ] {
        assert_eq!(directory.is_own_number(number(did)), is_own, "{did}");
    }
}

#[test]
fn plan_is_hunted_through_all_its_overflows_and_then_is_exhausted() {
    let directory = load(&[MACHINE, BUSINESS]);
    let plan = directory.number(number("+12025550100")).unwrap().plan.unwrap();
    let mut hunt = Hunt::new(plan);
    assert_eq!(rung(&mut hunt, &directory), (vec!["alice"], 15));
    assert_eq!(rung(&mut hunt, &directory), (vec!["bob"], 20));
    assert_eq!(rung(&mut hunt, &directory), (vec!["alice", "bob"], 45));
    assert_eq!(rung(&mut hunt, &directory), (vec!["carol"], 20));
    assert_eq!(hunt.next(&directory), Step::Exhausted);
    assert_eq!(hunt.next(&directory), Step::Exhausted);
}

#[test]
fn plan_of_one_agent_ends_with_its_announcement_or_its_refusal() {
    let directory = load(&[MACHINE, BUSINESS]);
    let shop = directory
        .plans()
        .iter()
        .find(|plan| plan.name.as_str() == "shop")
        .unwrap();
    let mut hunt = Hunt::new(shop.id);
    assert_eq!(rung(&mut hunt, &directory), (vec!["zoe"], 20));
    assert_eq!(hunt.next(&directory), Step::Announce("nobody-available".into()));
    assert_eq!(hunt.next(&directory), Step::Exhausted);
    let plain = directory
        .plans()
        .iter()
        .find(|plan| plan.name.as_str() == "plain")
        .unwrap();
    let mut hunt = Hunt::new(plain.id);
    assert_eq!(rung(&mut hunt, &directory), (vec!["zoe"], 20));
    assert_eq!(hunt.next(&directory), Step::Refuse(480));
    assert_eq!(hunt.next(&directory), Step::Exhausted);
}

#[test]
fn emergency_calls_go_where_the_settings_say_or_nowhere() {
    let directory = load(&[MACHINE, BUSINESS]);
    assert_eq!(directory.emergency.destination, None);
    assert!(directory.emergency.is_emergency(b"911"));
    let directory = load(&[
        MACHINE,
        BUSINESS,
        "[emergency]\nnumbers = [\"110\"]\ndestination = { agent = \"alice\" }",
    ]);
    assert!(!directory.emergency.is_emergency(b"911"));
    let destination = directory.emergency.destination.clone().unwrap();
    assert!(matches!(destination, Destination::Agent(_)));
    let mut hunt = Hunt::to(&destination);
    assert_eq!(rung(&mut hunt, &directory), (vec!["alice"], 20));
    assert_eq!(hunt.next(&directory), Step::Exhausted);
}

#[test]
fn screening_learns_whose_call_it_is_and_which_lists_count() {
    let lists = r#"
        [[block]]
        number = "+12025550187"
        [[block]]
        prefix = "+120255501"
        tenant = "acme"
        [[allow]]
        cnam = "Our Best *"
        did = "+12025550110"
        trunk = "carrier-a"
        attestation = "B"
        [[block_file]]
        path = "many.txt"
        tenant = "globex"
        expires = 2027-01-31
        [[do_not_originate]]
        numbers = ["+12025550190"]
        [[do_not_originate]]
        prefix = "+1900"
    "#;
    let directory = load(&[MACHINE, BUSINESS, lists]);
    let trunk = directory.trunk_named("carrier-b");
    let acme = directory.subject(trunk, Some(number("+12025550100")), Some(number("+12025550100")));
    assert_eq!(acme.tenant.map(TenantName::as_str), Some("acme"));
    assert_eq!((acme.is_own_number, acme.trunk_is_peer_for_own), (true, true));
    assert_eq!(
        (acme.operator_lists.len(), acme.tenant_lists.unwrap().len()),
        (1, 1)
    );
    assert!(acme.number_lists.is_none());
    let globex = directory.subject(None, None, Some(number("+12025550110")));
    assert_eq!(globex.number_state, Some(NumberState::Paused));
    assert_eq!(
        (
            globex.tenant_lists.unwrap().len(),
            globex.number_lists.unwrap().len()
        ),
        (3, 1)
    );
    assert!(!globex.is_own_number && !globex.trunk_is_peer_for_own);
    assert!(globex.do_not_originate.contains(number("+12025550190")));
    assert!(globex.do_not_originate.contains(number("+19005550143")));
    assert_ne!(acme.tenant_id, globex.tenant_id);
    let nobody = directory.subject(None, None, Some(number("+12025550199")));
    assert!(nobody.tenant.is_none() && nobody.tenant_id == 0 && nobody.number_state.is_none());
}

#[test]
fn tenant_keeps_its_place_in_the_windows_when_others_come() {
    let before = load(&[MACHINE, BUSINESS]);
    let after = load(&[MACHINE, "[[tenant]]\nname = \"aaa\"", BUSINESS]);
    let id = |directory: &Directory| {
        directory
            .subject(None, None, Some(number("+12025550100")))
            .tenant_id
    };
    assert_eq!(id(&before), id(&after));
    assert_ne!(id(&before), 0);
}

#[test]
fn detective_keeps_its_published_signals_but_for_what_rows_change() {
    let rows = r#"
        [[detective.signal]]
        signal = "caller_attempts"
        window = "10m"
        over = 8
        [[detective.signal]]
        signal = "prefix_attempts"
        window = "1h"
        over = 400
        treatment = "tag"
        score = 0.25
        [captcha]
        pass_life = "1d"
    "#;
    let published = screening::DetectiveSettings::default();
    let detective = load(&[MACHINE, BUSINESS, rows]).detective;
    assert_eq!(detective.signals.len(), published.signals.len() + 1);
    assert_eq!(
        detective.signals[0],
        screening::Signal {
            over: 8,
            ..published.signals[0]
        }
    );
    assert_eq!(
        detective.signals[1..published.signals.len()],
        published.signals[1..]
    );
    let added = detective.signals.last().unwrap();
    assert_eq!((added.kind, added.over), (SignalKind::PrefixAttempts, 400));
    assert_eq!((added.treatment, added.score.0), (Treatment::Tag, 250));
    assert_eq!(detective.pass_life_with(None), Duration::from_secs(86_400));
    assert_eq!(
        detective.pass_life_with(Some(Attestation::A)),
        published.pass_life_attested
    );
}

#[test]
fn settings_without_a_detective_are_the_published_defaults() {
    let directory = load(&[MACHINE, BUSINESS]);
    assert_eq!(directory.detective, screening::DetectiveSettings::default());
    let tenant = directory.tenant(TenantId(0)).unwrap();
    assert_eq!(tenant.detective, directory.detective);
}

#[test]
fn published_signals_can_be_held_back_while_a_row_still_acts() {
    let rows = r#"
        [detective]
        treatment_max = "tag"
        [[detective.signal]]
        signal = "caller_numbers"
        window = "10m"
        treatment = "reject"
        [responses]
        analytics_tel = "+12025550199"
    "#;
    let directory = load(&[MACHINE, BUSINESS, rows]);
    let treatments: Vec<Treatment> = directory
        .detective
        .signals
        .iter()
        .map(|signal| signal.treatment)
        .collect();
    let (tag, reject) = (Treatment::Tag, Treatment::Reject);
    assert_eq!(treatments, [tag, tag, reject, tag, tag, tag]);
    // A tenant that holds back all signals holds back this one too.
    let globex = directory.subject(None, None, Some(number("+12025550110")));
    assert!(
        globex
            .detective
            .signals
            .iter()
            .all(|signal| signal.treatment == tag)
    );
}

#[test]
fn kept_entries_count_like_those_of_files_and_never_fail_the_load() {
    let entry = |scope| ScopedEntry {
        scope,
        entry: ListEntry::block(ListKey::Number(number("+12025550187"))),
    };
    let kept = [
        entry(Scope::Operator),
        entry(Scope::Tenant("acme".into())),
        entry(Scope::Number(number("+12025550100"))),
        entry(Scope::Tenant("gone".into())),
        entry(Scope::Number(number("+12025550199"))),
    ];
    let files = sources(&[MACHINE, BUSINESS]);
    let directory = Directory::load(&files, &kept, &mut no_list).unwrap();
    let subject = directory.subject(None, None, Some(number("+12025550100")));
    assert_eq!(subject.operator_lists.len(), 1);
    assert_eq!(subject.tenant_lists.unwrap().len(), 1);
    assert_eq!(subject.number_lists.unwrap().len(), 1);
    assert_eq!(directory.ignored_entries(), 2);
    assert_ne!(directory.ruleset(), load(&[MACHINE, BUSINESS]).ruleset());
    assert!(kept.iter().all(|kept| kept.entry.kind == ListKind::Block));
}

#[test]
fn ruleset_changes_with_what_screening_reads_and_with_nothing_else() {
    let ruleset = |texts: &[&str]| load(texts).ruleset();
    let before = ruleset(&[MACHINE, BUSINESS]);
    assert_eq!(before, ruleset(&[MACHINE, BUSINESS]));
    assert_eq!(
        before,
        ruleset(&[
            MACHINE,
            BUSINESS,
            "[switch]\nshards = 4\n[http]\naddress = \"127.0.0.1:9060\""
        ])
    );
    let changes = [
        "[[block]]\nnumber = \"+12025550187\"",
        "[[block]]\nnumber = \"+12025550188\"",
        "[[block]]\nnumber = \"+12025550187\"\nreason = \"x\"",
        "[[block]]\nnumber = \"+12025550187\"\ntenant = \"acme\"",
        "[[allow]]\nnumber = \"+12025550187\"",
        "[[block_file]]\npath = \"many.txt\"",
        "[[do_not_originate]]\npath = \"many.txt\"",
        "[[tenant]]\nname = \"new\"",
        "[[number]]\ndid = \"+12025550130\"\nplan = \"sales\"",
        "[[number]]\ndid = \"+12025550131\"\nplan = \"sales\"",
        "[[number]]\ndid = \"+12025550131\"\nplan = \"sales\"\nstate = \"paused\"",
        "[detective]\nshort_call = \"7s\"",
        "[detective]\nenabled = false",
        "[captcha]\npass_life = \"1d\"",
    ];
    let mut seen = vec![before];
    for change in changes {
        let after = ruleset(&[MACHINE, BUSINESS, change]);
        assert!(!seen.contains(&after), "{change}");
        seen.push(after);
    }
}

#[test]
fn only_what_cannot_change_while_running_needs_a_restart() {
    let running = load(&[MACHINE, BUSINESS]);
    assert!(
        running
            .needs_restart(&load(&[
                MACHINE,
                BUSINESS,
                "[switch]\nuser_agent = \"x\"\nkeep_calls = \"30d\""
            ]))
            .is_empty()
    );
    assert_eq!(running.switch.keep_calls, Duration::from_secs(400 * 86_400));
    let new = load(&[
        MACHINE,
        BUSINESS,
        "[switch]\nshards = 4\n[[listen]]\ntransport = \"tcp\"\naddress = \"127.0.0.1:5060\"",
    ]);
    let needed = running.needs_restart(&new);
    assert_eq!(
        needed,
        [
            "switch.shards: 1 is in use, 4 needs a restart",
            "listen: udp 127.0.0.1:5060 as 127.0.0.1:5060, tcp [2001:db8::1]:5060 as [2001:db8::1]:5060 is in use, \
             udp 127.0.0.1:5060 as 127.0.0.1:5060, tcp [2001:db8::1]:5060 as [2001:db8::1]:5060, \
             tcp 127.0.0.1:5060 as 127.0.0.1:5060 needs a restart",
        ]
    );
}

#[test]
fn broken_configuration_never_panics() {
    let whole = format!("{MACHINE}{BUSINESS}");
    for at in (0..whole.len()).step_by(5) {
        let cut = [SourceText {
            name: "cut.toml".into(),
            text: whole[..at].to_owned(),
        }];
        let _ = Directory::load(&cut, &[], &mut no_list);
        for hostile in ["\u{0}", "]", "\"", "=", "999999999999999999999999", "{", "☎"] {
            let text = format!("{}{hostile}{}", &whole[..at], &whole[(at + 1).min(whole.len())..]);
            let broken = [SourceText {
                name: "broken.toml".into(),
                text,
            }];
            let _ = Directory::load(&broken, &[], &mut no_list);
        }
    }
}

fn rung<'d>(hunt: &mut Hunt, directory: &'d Directory) -> (Vec<&'d str>, u64) {
    let Step::Ring { agents, ring_time } = hunt.next(directory) else {
        return (Vec::new(), 0);
    };
    let names = agents
        .iter()
        .filter_map(|ring| directory.agent(ring.agent))
        .map(|agent| agent.name.as_str());
    (names.collect(), ring_time.as_secs())
}

fn load(texts: &[&str]) -> Directory {
    Directory::load(&sources(texts), &[], &mut |_| {
        Ok(b"+12025550181\n+12025550182\n+12025550183\n".into())
    })
    .expect("the configuration is whole")
}

fn sources(texts: &[&str]) -> Vec<SourceText> {
    let named = texts.iter().enumerate();
    named
        .map(|(at, text)| SourceText {
            name: format!("{at}.toml"),
            text: (*text).into(),
        })
        .collect()
}

fn no_list(_path: &str) -> io::Result<Vec<u8>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

fn number(text: &str) -> E164 {
    E164::parse(text.as_bytes()).expect("tests write whole numbers")
}
