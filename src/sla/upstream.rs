//! One cause, told once: a dataset is late because the one above it is.

use std::collections::BTreeMap;

use super::{Kind, Level, Status};

/// Notes for each missed level the dataset farthest up the stream that is missed for the same reason. `above` gives
/// the dataset that another is promoted from.
pub fn find_causes<'n>(levels: &mut [Level], above: impl Fn(&str) -> Option<&'n str>) {
    let missed: Vec<Level> = levels.iter().filter(|l| l.status == Status::Missed).cloned().collect();
    let mut causes: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    for level in levels.iter_mut().filter(|l| l.status == Status::Missed && l.kind != Kind::Budget) {
        let mut dataset = level.contract.clone();
        // A circle of promotions does not compile; the bound is for whoever calls with less.
        for _ in 0..100 {
            let Some(next) = above(&dataset) else { break };
            if missed.iter().any(|upper| upper.contract == next && explains(upper, level)) {
                level.waits_for = Some(next.to_owned());
            }
            dataset = next.to_owned();
        }
        causes.insert((level.contract.clone(), level.name.clone()), level.waits_for.clone());
    }
    for budget in levels.iter_mut().filter(|l| l.status == Status::Missed && l.kind == Kind::Budget) {
        let of = causes.iter().find(|((contract, _), cause)| *contract == budget.contract && cause.is_some());
        budget.waits_for = of.and_then(|(_, cause)| cause.clone());
    }
}

fn explains(upper: &Level, lower: &Level) -> bool {
    match (upper.kind, lower.kind) {
        (Kind::Budget, _) | (_, Kind::Budget) => false,
        (Kind::Deadline, Kind::Deadline) => {
            let late = |level: &Level, day| level.deadlines.iter().any(|a| a.day == day && a.status == Status::Missed);
            let mut days = lower.deadlines.iter().filter(|a| a.status == Status::Missed && never_came(a)).peekable();
            days.peek().is_some() && days.all(|a| late(upper, a.day))
        }
        // What is not fresh above cannot be fresh below.
        (Kind::Condition, Kind::Condition) => upper.event_time.is_some() && lower.event_time.is_some(),
        (Kind::Deadline, Kind::Condition) => lower.event_time.is_some() && upper.deadlines.iter().any(|a| a.is_open()),
        (Kind::Condition, Kind::Deadline) => false,
    }
}

/// Nothing of it is seen at this layer: the cause lies above.
fn never_came(asked: &super::deadlines::Asked) -> bool {
    asked.arrived_at.is_none() && asked.published_at.is_none()
        && !asked.reason.as_deref().is_some_and(|r| r.starts_with("blocked"))
}
