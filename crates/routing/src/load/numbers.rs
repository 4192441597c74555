//! `[[number]]`: the tracking numbers.

use std::sync::Arc;

use call_model::{E164, NumberState};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::plans::Plans;
use super::{Loader, Names};
use crate::TenantId;
use crate::directory::Numbers;
use crate::fault::{Place, SourceText, where_is};
use crate::reader::Table;
use crate::settings::Number;
use crate::value::NumberRange;

impl Loader<'_, '_> {
    pub(super) fn numbers(&mut self, tenants: &Names, plans: &Plans) -> Numbers {
        let mut taken = Taken::default();
        for table in self.many("number") {
            let row = self.number_row(&table, tenants, plans);
            self.numbers_of_row(&table, row.as_ref(), &mut taken);
        }
        taken.numbers
    }

    fn number_row(&mut self, table: &Table<'_>, tenants: &Names, plans: &Plans) -> Option<Number> {
        let faults = &mut self.faults;
        let plan = plans.names.refer(table, "plan", faults);
        let tenant = tenants.refer(table, "tenant", faults).map(TenantId);
        let label: Option<Arc<str>> = table.read("label", faults);
        let state = match &*table.read::<Arc<str>>("state", faults)? {
            "paused" => NumberState::Paused,
            "released" => NumberState::Released,
            "quarantined" => NumberState::Quarantined,
            _ => NumberState::Active,
        };
        let rings = matches!(state, NumberState::Active | NumberState::Paused);
        if rings && table.given("plan").is_none() {
            faults.note(
                &table.place,
                format!("plan is missing: a number that is {} needs one", state.as_str()),
            );
        }
        let tenant_of_plan = plan.and_then(|plan| plans.tenant(plan));
        if let (Some(tenant), Some(of_plan)) = (tenant, tenant_of_plan)
            && tenant != of_plan
        {
            faults.note(&table.place("tenant"), "the plan belongs to another tenant");
        }
        if table.given("plan").is_none() && table.given("tenant").is_none() && !rings {
            faults.note(
                &table.place,
                "tenant is missing: without a plan nothing else names the business",
            );
        }
        let plan = plan.map(crate::PlanId);
        Some(Number {
            tenant: tenant.or(tenant_of_plan)?,
            plan,
            state,
            label,
        })
    }

    /// Takes each number of a row; with a faulty row, numbers are still looked at for faults of their own.
    fn numbers_of_row(&mut self, table: &Table<'_>, row: Option<&Number>, taken: &mut Taken) {
        taken.places.push(table.place.clone());
        let keys = ["did", "range", "dids_file"];
        let Some(key) = self.exactly_one(table, &keys) else {
            return;
        };
        let mut doubles = Vec::new();
        if key == "dids_file" {
            let sources = self.sources;
            self.numbers_of_file(table, key, &mut |did| {
                taken
                    .take(did, row)
                    .map_err(|first| double(did, &taken.where_is(first, sources)))
            });
        } else if key == "range" {
            let range: Option<NumberRange> = table.read(key, &mut self.faults);
            for did in range.iter().flat_map(NumberRange::numbers) {
                doubles.extend(taken.take(did, row).err().map(|first| (did, first)));
            }
        } else if let Some(did) = table.read::<E164>(key, &mut self.faults) {
            doubles.extend(taken.take(did, row).err().map(|first| (did, first)));
        }
        // One fault for a range that overlaps with another: the first number says enough.
        if let Some((did, first)) = doubles.first() {
            let message = double(*did, &taken.where_is(*first, self.sources));
            self.faults.note(&table.place(key), message);
        }
        if let Some(row) = row {
            self.digest.text("number");
            self.digest.text(row.state.as_str());
            self.digest.number(u64::from(row.tenant.0));
            self.digest.number(taken.digest);
        }
    }
}

fn double(did: E164, first: &str) -> String {
    format!("the tracking number {did} is in the row at {first} already")
}

/// The numbers so far, each with the row that it came from.
#[derive(Default)]
struct Taken {
    numbers: Numbers,
    rows: HashMap<E164, u32, FixedState>,
    places: Vec<Place>,
    /// Over the numbers, in order.
    digest: u64,
}

impl Taken {
    fn where_is(&self, row: usize, sources: &[SourceText]) -> String {
        self.places
            .get(row)
            .map_or_else(String::new, |place| where_is(sources, place))
    }

    /// Takes a number for the latest row, or names the row that has it already.
    fn take(&mut self, did: E164, row: Option<&Number>) -> Result<(), usize> {
        match self.rows.entry(did) {
            Entry::Occupied(first) => Err(*first.get() as usize),
            Entry::Vacant(vacant) => {
                vacant.insert(self.places.len() as u32 - 1);
                self.digest = (self.digest ^ did.value())
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(23);
                if let Some(row) = row {
                    self.numbers.insert(did, row.clone());
                }
                Ok(())
            }
        }
    }
}
