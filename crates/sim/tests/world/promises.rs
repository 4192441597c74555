//! Mixed traffic over bad networks: whatever happens, each call ends once, with one record, and nothing is left.

use sim::{Setup, World};

use crate::{ms, secs};

#[test]
fn every_offered_call_ends_exactly_once_over_perfect_links() {
    for seed in 0..32 {
        let mut world = World::new(seed);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
        assert_eq!(world.records().len(), 50, "seed {seed}");
    }
}

#[test]
fn every_offered_call_ends_exactly_once_under_loss_copies_and_disorder() {
    for seed in (0..192).step_by(2) {
        let mut world = World::new(seed);
        bad_network(&mut world);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
    }
}

#[test]
fn four_shards_keep_every_promise_that_one_keeps() {
    for seed in (1..192).step_by(2) {
        let mut world = World::sharded(seed, 4);
        bad_network(&mut world);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
    }
}

#[test]
fn every_offered_call_ends_exactly_once_when_an_agent_goes_silent() {
    for seed in 0..32 {
        let mut world = World::sharded(seed, 1 + (seed % 4) as u8);
        bad_network(&mut world);
        world.offer_calls(50);
        world.at(secs(2), |world| world.silence("alice"));
        world.at(secs(7), |world| world.silence("bob"));
        settle(&mut world, seed);
    }
}

#[test]
fn a_shortage_of_audio_ports_breaks_no_promise() {
    for seed in 0..16 {
        let mut world = World::of(Setup {
            seed,
            media_ports: 20_000..=20_015,
            ..Setup::default()
        });
        world.agents_vary();
        world.offer_calls(60);
        settle(&mut world, seed);
    }
}

#[test]
fn a_stop_in_the_midst_of_traffic_ends_every_call_with_its_record() {
    for seed in 0..32 {
        let mut world = World::sharded(seed, 4);
        bad_network(&mut world);
        world.agents_vary();
        world.offer_calls(50);
        world.at(secs(6), World::stop);
        settle(&mut world, seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_letter() {
    let run = || {
        let mut world = World::sharded(11, 4);
        bad_network(&mut world);
        world.agents_vary();
        world.watch();
        world.offer_calls(20);
        settle(&mut world, 11);
        world.ladder()
    };
    assert_eq!(run(), run());
}

fn bad_network(world: &mut World) {
    for place in ["carrier", "alice", "bob", "carol", "dave", "rescue"] {
        let link = world.link(place);
        link.loss_percent(5).duplicate_percent(2).delay(ms(20)..ms(200));
    }
}

fn settle(world: &mut World, seed: u64) {
    world.run_until_idle();
    assert!(world.faults().is_empty(), "seed {seed}: {:#?}", world.faults());
    assert_eq!(world.open_calls(), 0, "seed {seed}");
}
