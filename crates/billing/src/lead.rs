//! How many days before a period starts the renewal run bills it.

use std::fmt;

use jiff::{Span, civil::Date};

use crate::{CustomerId, Cycle, DateOutOfRange, ProductId};

/// A setting that holds for a customer, or for a product, a cycle, or a product in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadTime {
    /// What it holds for.
    pub scope: LeadScope,
    /// Days before the period.
    pub days: u16,
}

/// What a lead time holds for, from the farthest to the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeadScope {
    /// Everything the seller sells.
    Seller,
    /// Every service with this cycle.
    Cycle(Cycle),
    /// Every service of this product.
    Product(ProductId),
    /// Every service of this product with this cycle.
    ProductCycle(ProductId, Cycle),
    /// Every service of this customer.
    Customer(CustomerId),
}

impl LeadScope {
    fn holds_for(self, customer: CustomerId, product: ProductId, cycle: Cycle) -> bool {
        match self {
            Self::Seller => true,
            Self::Cycle(of) => of == cycle,
            Self::Product(of) => of == product,
            Self::ProductCycle(of, with) => of == product && with == cycle,
            Self::Customer(of) => of == customer,
        }
    }
}

impl fmt::Display for LeadScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seller => f.write_str("the seller"),
            Self::Cycle(cycle) => write!(f, "cycle {cycle}"),
            Self::Product(product) => write!(f, "product {product}"),
            Self::ProductCycle(product, cycle) => write!(f, "product {product} with cycle {cycle}"),
            Self::Customer(customer) => write!(f, "customer {customer}"),
        }
    }
}

impl LeadTime {
    /// The longest lead time, in days.
    pub const MAX_DAYS: u16 = 365;
    /// The lead time of a seller that says nothing, in days.
    pub const DEFAULT_DAYS: u16 = 14;

    /// The nearest of these settings that holds for a service, or the seller's own.
    #[must_use]
    pub fn nearest(settings: &[Self], seller: u16, customer: CustomerId, product: ProductId, cycle: Cycle) -> Self {
        let holding = settings.iter().filter(|setting| setting.scope.holds_for(customer, product, cycle));
        let own = Self { scope: LeadScope::Seller, days: seller };
        holding.copied().max_by_key(|setting| setting.scope).unwrap_or(own)
    }

    /// The first day on which the run bills a period that starts on this day.
    pub fn before(self, starts: Date) -> Result<Date, DateOutOfRange> {
        starts.checked_sub(Span::new().days(i64::from(self.days))).map_err(|_| DateOutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_wins() {
        let (monthly, yearly): (Cycle, Cycle) = ("1m".parse().unwrap(), "1y".parse().unwrap());
        let set = |scope, days| LeadTime { scope, days };
        let settings = [
            set(LeadScope::Customer(CustomerId(7)), 1),
            set(LeadScope::ProductCycle(ProductId(3), yearly), 60),
            set(LeadScope::Product(ProductId(3)), 45),
            set(LeadScope::Cycle(yearly), 30),
        ];
        let table = [
            // customer, product, cycle: days, from where
            (1, 1, monthly, 14, "the seller"),
            (1, 1, yearly, 30, "cycle 1y"),
            (1, 3, monthly, 45, "product 3"),
            (1, 3, yearly, 60, "product 3 with cycle 1y"),
            (7, 3, yearly, 1, "customer 7"),
        ];
        for (customer, product, cycle, days, scope) in table {
            let nearest = LeadTime::nearest(&settings, 14, CustomerId(customer), ProductId(product), cycle);
            assert_eq!((nearest.days, nearest.scope.to_string().as_str()), (days, scope));
        }
    }
}
