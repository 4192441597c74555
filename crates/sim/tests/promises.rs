//! Mixed traffic over bad networks: whatever happens, each call ends once, with one record, and nothing is left.

use std::time::Duration;

use sim::World;

#[test]
fn every_offered_call_ends_exactly_once_over_perfect_links() {
    for seed in 0..64 {
        let mut world = World::new(seed);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
    }
}

#[test]
fn every_offered_call_ends_exactly_once_under_loss_copies_and_disorder() {
    for seed in 0..256 {
        let mut world = World::sharded(seed, if seed % 2 == 0 { 1 } else { 4 });
        bad_network(&mut world);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
    }
}

fn bad_network(world: &mut World) {
    for place in ["carrier", "alice", "bob", "carol", "dave", "rescue"] {
        world
            .link(place)
            .loss_percent(5)
            .duplicate_percent(2)
            .delay(ms(20)..ms(200));
    }
}

fn settle(world: &mut World, seed: u64) {
    world.run_until_idle();
    assert!(world.faults().is_empty(), "seed {seed}: {:#?}", world.faults());
    assert_eq!(world.open_calls(), 0, "seed {seed}");
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
