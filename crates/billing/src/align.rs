//! Bringing services to one day: one period that is shorter than the others, and from then on periods that begin together.
//!
//! The short period is the rest of one that ends on the common day, and costs its share of that one.

use jiff::civil::Date;

use crate::change::line_of_rest;
use crate::line::line;
use crate::renewal::{Claim, Facts, Plan, Refusal, claimable};
use crate::{Cycle, CycleUnit, DateOutOfRange, Period, Schedule, due_date};

/// The last day of a month that every month has: a common day is not later, so that it never moves.
pub const LAST_COMMON_DAY: i8 = 28;

/// A service brought to a common day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aligned {
    /// Its periods from that day on.
    pub schedule: Schedule,
    /// The invoice of the short period before it.
    pub plan: Plan,
}

/// Brings a service to a day: its periods begin on it, or so many cycles before or after it. None if they do already.
pub fn align(facts: &Facts, day: Date, today: Date) -> Result<Option<Aligned>, Refusal> {
    let next = claimable(facts, today)?;
    let cycle = facts.schedule.cycle;
    let (starts, before) = first_from(day, cycle, next.starts)?;
    if starts == next.starts {
        return Ok(None);
    }
    let number = facts.next_period;
    let whole = Period { starts: before, ends: starts };
    let short = Period { starts: next.starts, ends: starts };
    let discount = facts.discount.as_ref();
    let holds = discount.filter(|discount| discount.holds(next.starts));
    let mut lines = vec![line_of_rest(facts, None, holds, whole, next.starts, today)?];
    let mut terms = Vec::new();
    for addon in &facts.addons {
        match addon.term {
            None => lines.push(line_of_rest(facts, Some(addon), None, whole, next.starts, today)?),
            Some(mut term) => {
                for period in term.take(short)? {
                    lines.push(line(facts, Some(addon.id), &addon.item, term.schedule.cycle, period, today)?);
                    terms.retain(|(id, _)| *id != addon.id);
                    terms.push((addon.id, term));
                }
            }
        }
    }
    lines.sort_by_key(|line| line.addon);
    let used = discount.map(|d| if d.holds(next.starts) { d.used() } else { d.clone() });
    let claim = Claim {
        service: facts.service,
        number,
        period: short,
        next_renew_on: facts.lead.before(starts)?,
        discount_periods: used.and_then(|discount| discount.periods),
    };
    let due_on = due_date(next.starts, today, facts.policy.payment_terms_days)?;
    let plan = Plan::of(vec![claim], terms, lines, today, due_on, facts)?;
    Ok(Some(Aligned { schedule: Schedule { anchor: starts, cycle, first: number.next() }, plan }))
}

/// The first day from `from` on that is so many cycles before or after `day`, and the one a cycle before it.
fn first_from(day: Date, cycle: Cycle, from: Date) -> Result<(Date, Date), Refusal> {
    let Cycle::Every { count, unit } = cycle else { return Err(Refusal::OneTime) };
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    let days = || day.until(from).map(|span| i64::from(span.get_days())).map_err(|_| DateOutOfRange);
    let (apart, each) = match unit {
        CycleUnit::Day => (days()?, i64::from(count)),
        CycleUnit::Week => (days()?, 7 * i64::from(count)),
        CycleUnit::Month => (months(from) - months(day), i64::from(count)),
        CycleUnit::Year => (months(from) - months(day), 12 * i64::from(count)),
    };
    // At most two steps from the right one: the days within a month decide.
    let mut nth = apart.div_euclid(each) - 1;
    let mut found = cycle.shifted(day, nth)?;
    while found < from {
        nth += 1;
        found = cycle.shifted(day, nth)?;
    }
    Ok((found, cycle.shifted(day, nth - 1)?))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_common_day_is_found_before_and_after() {
        let first = |day, cycle: &str, from| first_from(day, cycle.parse().unwrap(), from).unwrap();
        let new_year = date(2027, 1, 1);
        assert_eq!(first(new_year, "1m", date(2026, 12, 11)), (new_year, date(2026, 12, 1)));
        assert_eq!(first(new_year, "1m", new_year), (new_year, date(2026, 12, 1)));
        assert_eq!(first(new_year, "1m", date(2027, 1, 2)).0, date(2027, 2, 1));
        assert_eq!(first(new_year, "1y", date(2027, 3, 15)), (date(2028, 1, 1), new_year));
        assert_eq!(first(date(2030, 5, 15), "3m", date(2026, 12, 11)), (date(2027, 2, 15), date(2026, 11, 15)));
        assert_eq!(first(new_year, "2w", date(2026, 12, 11)), (date(2026, 12, 18), date(2026, 12, 4)));
    }

    proptest! {
        #[test]
        fn it_is_the_first_one(offset in -4000i64..4000, count in 1u16..40, nth in 0usize..4) {
            let unit = [CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year][nth];
            let (day, cycle) = (date(2030, 6, 15), Cycle::Every { count, unit });
            let from = day.saturating_add(jiff::Span::new().days(offset));
            let (found, before) = first_from(day, cycle, from).unwrap();
            prop_assert!(before < from && from <= found);
        }
    }
}
