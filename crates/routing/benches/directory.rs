//! What the directory costs: loading a million listed callers and a million tracking numbers, and the look-ups that
//! every INVITE makes.

use std::fmt::Write;
use std::hint::black_box;

use call_model::E164;
use criterion::{Criterion, criterion_group, criterion_main};
use routing::{Directory, SourceText, normalise};

const SETTINGS: &str = r#"
[[listen]]
transport = "udp"
address = "127.0.0.1:5060"
[[trunk]]
name = "carrier-a"
sources = ["192.0.2.0/28", "198.51.100.7", "2001:db8::/48"]
country = "1"
[[tenant]]
name = "acme"
[[agent]]
name = "alice"
tenant = "acme"
uri = "sip:alice@127.0.0.1:5071"
[[plan]]
name = "sales"
tenant = "acme"
agents = ["alice"]
"#;

const A_MILLION: u64 = 1_000_000;

fn load(added: &str, list: &[u8]) -> Directory {
    let files = [SourceText {
        name: "bench.toml".into(),
        text: format!("{SETTINGS}{added}"),
    }];
    Directory::load(&files, &[], &mut |_| Ok(list.to_vec())).expect("the configuration is whole")
}

fn loading(criterion: &mut Criterion) {
    let mut list = String::new();
    for number in 0..A_MILLION {
        writeln!(list, "+999{number:09}").expect("a text takes what is written to it");
    }
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("million_blocked_callers", |bencher| {
        bencher.iter(|| load("[[block_file]]\npath = \"list.txt\"", list.as_bytes()));
    });
    group.bench_function("million_tracking_numbers", |bencher| {
        bencher.iter(|| {
            load(
                "[[number]]\ndids_file = \"list.txt\"\nplan = \"sales\"",
                list.as_bytes(),
            )
        });
    });
    group.finish();

    let directory = load(
        "[[number]]\ndids_file = \"list.txt\"\nplan = \"sales\"",
        list.as_bytes(),
    );
    let trunk = directory
        .trunk_of("192.0.2.5".parse().expect("an address"))
        .expect("a trunk");
    // Far apart, so that each look-up misses the caches as it does between calls.
    let dids: Vec<E164> = (0..A_MILLION)
        .filter_map(|at| E164::from_digits(format!("999{:09}", at * 7_919 % A_MILLION).as_bytes()).ok())
        .collect();
    let mut asked = dids.iter().cycle();
    criterion.bench_function("number_among_a_million", |bencher| {
        bencher.iter(|| asked.next().and_then(|did| directory.number(*did)).is_some());
    });
    criterion.bench_function("trunk_of", |bencher| {
        let source = "198.51.100.7".parse().expect("an address");
        bencher.iter(|| directory.trunk_of(black_box(source)).is_some());
    });
    criterion.bench_function("called_and_caller", |bencher| {
        let called = normalise::Address::Sip {
            user: b"+12025550143",
            host: b"192.0.2.1",
        };
        let caller = normalise::Address::Sip {
            user: b"2025550187",
            host: b"192.0.2.5",
        };
        bencher.iter(|| {
            let called = normalise::called(black_box(called), &trunk.dialling, &directory.emergency);
            (called, normalise::caller(black_box(caller), &trunk.dialling))
        });
    });
}

criterion_group!(benches, loading);
criterion_main!(benches);
