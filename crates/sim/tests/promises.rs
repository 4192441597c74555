//! Mixed traffic over bad networks: whatever happens, each call ends once, with one record, and nothing is left.

use std::time::Duration;

use sim::World;

#[test]
fn every_offered_call_ends_exactly_once_over_perfect_links() {
    for seed in 0..32 {
        let mut world = World::new(seed);
        world.agents_vary();
        world.offer_calls(50);
        settle(&mut world, seed);
    }
}

fn settle(world: &mut World, seed: u64) {
    world.run_until_idle();
    assert!(world.faults().is_empty(), "seed {seed}: {:#?}", world.faults());
    assert_eq!(world.open_calls(), 0, "seed {seed}");
}

#[expect(dead_code, reason = "x")]
fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
