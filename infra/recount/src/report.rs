//! The recount as a table for people.

use std::{collections::BTreeMap, fmt};

use descrow_domain::analytics::Counter;

use crate::Recount;

/// Shows each counter of the orders as they stand and the sums over all days, and then every counter that differs.
impl fmt::Display for Recount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>26} {:>26}", "", "counted", "recounted")?;
        let mut lines: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        for (counter, value) in self.counted.iter() {
            lines.entry(summed(counter)).or_default().0 += value;
        }
        for (counter, value) in self.recounted.iter() {
            lines.entry(summed(counter)).or_default().1 += value;
        }
        for (name, (counted, recounted)) in lines {
            writeln!(f, "{name:<34} {counted:>26} {recounted:>26}")?;
        }
        let difference = self.difference();
        for (counter, by) in difference.iter() {
            let (counted, recounted) = (self.counted.get(counter), self.recounted.get(counter));
            writeln!(f, "{:<34} {counted:>26} {recounted:>26}  DIFFERS by {by}", counter.to_string())?;
        }
        let verdict = if difference.is_empty() { "the counters agree" } else { "the counters DO NOT agree" };
        write!(f, "{} orders and {} entries of the books recounted: {verdict}", self.orders, self.entries)
    }
}

/// The line that a counter is summed up in.
fn summed(counter: Counter) -> String {
    match counter {
        Counter::Now(..) => counter.to_string(),
        Counter::Daily(_, mode, figure) => format!("sum {} {}", mode.as_str(), figure.as_str()),
    }
}
