//! What the renewal run does with a service, and why not.

use jiff::civil::Date;

use crate::renewal::{Facts, MAX_INVOICE_SERVICES, Refusal};
use crate::{CustomerId, Cycle, InvoiceId, PeriodNumber, ServiceId, ServiceStatus};

/// Why the run leaves a service alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hold {
    /// Nobody wants it renewed by itself.
    #[error("auto-renew is off")]
    AutoRenewOff,
    /// It is suspended, and the seller does not renew what is.
    #[error("it is suspended, and suspended services are not renewed by the run")]
    Suspended,
    /// It was cancelled at the end of what is billed.
    #[error("it is cancelled and ends on {0}")]
    Ending(Date),
    /// It cannot be renewed at all.
    #[error("{0}")]
    Refused(Refusal),
    /// Its last renewal invoice is not paid.
    #[error("invoice {0} is not paid yet")]
    OpenInvoice(InvoiceId),
    /// The run takes it later.
    #[error("it is not due before {0}")]
    NotYet(Date),
    /// It is too far behind to be billed without somebody looking at it.
    #[error(
        "more than {limit} of its periods have begun and are not billed: it is parked; renew it by hand, or raise the \
         number of periods behind"
    )]
    Parked {
        /// How many may have begun.
        limit: u16,
    },
}

/// Why a run that renews what falls due through `through` leaves a service alone on `today`; none if it takes it.
#[must_use]
pub fn hold(facts: &Facts, today: Date, through: Date) -> Option<Hold> {
    if let Some(hold) = lasting_hold(facts) {
        return Some(hold);
    }
    if let Some(invoice) = facts.open_invoice {
        return Some(Hold::OpenInvoice(invoice));
    }
    match facts.renew_on {
        Some(day) if day > through => Some(Hold::NotYet(day)),
        _ => parked(facts, today),
    }
}

/// Why the run leaves a service alone until somebody changes something about it.
#[must_use]
pub fn lasting_hold(facts: &Facts) -> Option<Hold> {
    match (facts.status, facts.schedule.cycle) {
        (ServiceStatus::Pending, _) => return Some(Hold::Refused(Refusal::Pending)),
        (ServiceStatus::Cancelled, _) => return Some(Hold::Refused(Refusal::Cancelled)),
        (ServiceStatus::Terminated, _) => return Some(Hold::Refused(Refusal::Terminated)),
        (ServiceStatus::Fraud, _) => return Some(Hold::Refused(Refusal::Fraud)),
        (_, Cycle::Free) => return Some(Hold::Refused(Refusal::Free)),
        (_, Cycle::Once) => return Some(Hold::Refused(Refusal::OneTime)),
        (ServiceStatus::Active | ServiceStatus::Suspended, Cycle::Every { .. }) => {}
    }
    if facts.status == ServiceStatus::Suspended && !facts.policy.renew_suspended {
        return Some(Hold::Suspended);
    }
    if let Some(day) = facts.ends_on {
        return Some(Hold::Ending(day));
    }
    (!facts.auto_renew).then_some(Hold::AutoRenewOff)
}

/// Parks a service of which more periods have begun unbilled than the seller allows.
#[must_use]
pub fn parked(facts: &Facts, today: Date) -> Option<Hold> {
    let limit = facts.policy.max_periods_behind;
    let nth = PeriodNumber(facts.next_period.0.saturating_add(u32::from(limit)));
    let has_begun = facts.schedule.period(nth).is_ok_and(|period| period.is_some_and(|period| period.starts <= today));
    has_begun.then_some(Hold::Parked { limit })
}

/// Services in one part of a run: what goes on one invoice is in one part.
pub const PART_SERVICES: usize = MAX_INVOICE_SERVICES;

/// The first part of what is due by customer and service, of which up to [`PART_SERVICES`] and one more are given: it ends
/// where a customer ends, unless that one has more services than a part.
pub fn cut_part(due: &mut Vec<(CustomerId, ServiceId)>) {
    if due.len() <= PART_SERVICES {
        return;
    }
    due.truncate(PART_SERVICES + 1);
    // The one too many tells whose services go on.
    let next = due.pop().map(|(customer, _)| customer);
    let begins = due.iter().position(|(customer, _)| Some(*customer) == next).unwrap_or(due.len());
    if begins > 0 {
        due.truncate(begins);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts that customers with so many services each are divided into.
    fn parts(counts: &[usize]) -> Vec<Vec<(CustomerId, ServiceId)>> {
        let of =
            |(customer, count): (i64, &usize)| (0..*count as i64).map(move |n| (CustomerId(customer), ServiceId(n)));
        let all: Vec<_> = (1..).zip(counts).flat_map(of).collect();
        let mut parts = Vec::new();
        let mut from = 0;
        while from < all.len() {
            let mut part: Vec<_> = all[from..].iter().copied().take(PART_SERVICES + 1).collect();
            cut_part(&mut part);
            from += part.len();
            parts.push(part);
        }
        assert_eq!(parts.concat(), all);
        parts
    }

    proptest! {
        #[test]
        fn a_customer_is_in_one_part_as_far_as_one_invoice_goes(counts in prop::collection::vec(1usize..1_300, 1..12)) {
            let parts = parts(&counts);
            prop_assert!(parts.iter().all(|part| (1..=PART_SERVICES).contains(&part.len())));
            for (customer, count) in (1..).zip(&counts) {
                let of = |part: &&Vec<(CustomerId, ServiceId)>| part.iter().any(|(known, _)| known.0 == customer);
                prop_assert_eq!(parts.iter().filter(of).count(), count.div_ceil(PART_SERVICES));
            }
        }
    }
}
