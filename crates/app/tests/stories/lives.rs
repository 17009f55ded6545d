//! Random lives: customers renew, pay, overpay, part-pay, are given back, refunded, written off and pay late, in any order;
//! and after each life all that `doctor` promises holds.

use jiff::ToSpan;
use jiff::civil::date;
use perennial_app::{AppError, CreditOf, NewPayment, NewRefund, Outcome, Random};
use perennial_billing::{CustomerId, InvoiceId, LatePayment, Money, ServiceId};
use perennial_store::credits;
use perennial_store::invoices::{self, Invoice, InvoiceFilter, InvoiceStatus};
use perennial_testkit::{Kind, Provider, on_both_databases};

/// Lives in one database, before another one is begun.
const LIVES_TOGETHER: u64 = 25;
/// Steps of one life.
const STEPS: u64 = 14;

/// How many lives there are on each database: the suite is to stay fast, and a thousand are run when it matters.
fn lives() -> u64 {
    std::env::var("PERENNIAL_TEST_LIVES").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

struct Life<'a> {
    provider: &'a Provider,
    random: &'a Random,
    customer: CustomerId,
    services: Vec<ServiceId>,
    steps: u64,
    /// What happened, for when it went wrong.
    log: Vec<String>,
}

impl Life<'_> {
    fn below(&self, n: u64) -> u64 {
        self.random.below(n).unwrap()
    }

    async fn some_invoice(&self, is_wanted: impl Fn(&Invoice) -> bool) -> Option<Invoice> {
        let filter = InvoiceFilter { customer: Some(self.customer), ..InvoiceFilter::default() };
        let known = invoices::page(&mut self.provider.read().await, self.provider.id(), filter, 100, 0).await.unwrap();
        let wanted: Vec<Invoice> = known.into_iter().filter(is_wanted).collect();
        let nth = usize::try_from(self.below(wanted.len().max(1) as u64)).unwrap();
        wanted.get(nth).cloned()
    }

    fn payment(&mut self, amount: Money, invoices: Vec<InvoiceId>) -> NewPayment {
        self.steps += 1;
        let reference = format!("{}-{}", self.customer, self.steps);
        let (customer, method) = (self.customer, "bank".to_owned());
        NewPayment { customer, amount, method, reference, paid_on: None, invoices }
    }

    /// One step; what is refused is as good as what is done, but nothing else may happen.
    async fn step(&mut self) {
        let (app, staff) = (self.provider.app.clone(), self.provider.staff());
        let sek = |minor: u64| Money::new(i64::try_from(minor).unwrap(), "SEK".parse().unwrap());
        let is_open = |invoice: &Invoice| invoice.status == InvoiceStatus::Issued;
        let choice = self.below(14);
        let done: Result<String, AppError> = match choice {
            0..=2 => {
                let service = self.services[usize::try_from(self.below(self.services.len() as u64)).unwrap()];
                let renewals = app.renew(&staff, &[service]).await;
                renewals.map(|renewals| match &renewals[0].outcome {
                    Outcome::Renewed(renewed) => format!("renewed {service} by {}", renewed.invoice.id),
                    other => format!("{service} not renewed: {other:?}").chars().take(90).collect(),
                })
            }
            3..=5 => match self.some_invoice(is_open).await {
                Some(invoice) => {
                    let open = u64::try_from(invoice.open.minor).unwrap();
                    let amount = [open, 1 + self.below(open), open + 1 + self.below(5_000)];
                    let amount = sek(amount[usize::try_from(self.below(3)).unwrap()]);
                    let new = self.payment(amount, if self.below(2) == 0 { vec![invoice.id] } else { Vec::new() });
                    if self.below(4) == 0 {
                        app.record_payment(&staff, &new).await.unwrap();
                    }
                    app.record_payment(&staff, &new)
                        .await
                        .map(|done| format!("paid {:?} {:?}", done.paid, done.credited))
                }
                None => Ok("nothing to pay".to_owned()),
            },
            6..=7 => match self.some_invoice(|invoice| invoice.status != InvoiceStatus::Void).await {
                Some(invoice) => {
                    let most = u64::try_from(invoice.total.minor).unwrap();
                    let of = match self.below(3) {
                        0 => CreditOf::Everything,
                        1 => CreditOf::Lines(vec![1 + i64::try_from(self.below(2)).unwrap()]),
                        _ => CreditOf::Amount(i64::try_from(1 + self.below(most)).unwrap()),
                    };
                    let noted = app.credit_invoice(&staff, invoice.id, &of, "By chance").await;
                    noted.map(|noted| format!("credited {} {of:?}: {noted:?}", invoice.id))
                }
                None => Ok("nothing to give back".to_owned()),
            },
            8 => match self.some_invoice(is_open).await {
                Some(invoice) => {
                    app.void_invoice(&staff, invoice.id).await.map(|freed| format!("voided {}: {freed:?}", invoice.id))
                }
                None => Ok("nothing to void".to_owned()),
            },
            9 => match self.some_invoice(is_open).await {
                Some(invoice) if self.below(3) == 0 => {
                    app.write_off(&staff, invoice.id).await.map(|off| format!("wrote off {off} of {}", invoice.id))
                }
                _ => Ok("nothing written off".to_owned()),
            },
            10 => match self.some_invoice(is_open).await {
                Some(invoice) => {
                    app.apply_credit(&staff, invoice.id, None).await.map(|by| format!("applied {by} to {}", invoice.id))
                }
                None => Ok("nothing to apply credit to".to_owned()),
            },
            11 => {
                let asked = app.add_funds(&staff, self.customer, sek(1 + self.below(50_000))).await.unwrap();
                if self.below(3) == 0 {
                    app.cancel_deposit(&staff, asked.id).await.map(|()| "deposit called off".to_owned())
                } else {
                    let paid = self.payment(sek(1 + self.below(60_000)), vec![asked.id]);
                    app.record_payment(&staff, &paid).await.map(|done| format!("deposited {:?}", done.paid))
                }
            }
            12 => {
                let currency = "SEK".parse().unwrap();
                let mut conn = self.provider.read().await;
                let has = credits::balance(&mut conn, self.provider.id(), self.customer, currency).await.unwrap();
                drop(conn);
                let amount = Money::new(
                    1 + i64::try_from(self.below(u64::try_from(has.minor + 500).unwrap())).unwrap(),
                    currency,
                );
                self.steps += 1;
                let refund = NewRefund {
                    customer: self.customer,
                    amount,
                    method: "bank".to_owned(),
                    reference: format!("{}-r{}", self.customer, self.steps),
                    payment: None,
                };
                app.refund(&staff, &refund).await.map(|refund| format!("refunded {}", refund.amount))
            }
            _ => {
                let days = i64::try_from(self.below(40)).unwrap();
                let today = app.clock.today(&self.provider.seller.time_zone);
                self.provider.set_day(today.checked_add(days.days()).unwrap());
                Ok(format!("{days} days pass"))
            }
        };
        self.log.push(match done {
            Ok(text) => text,
            Err(error @ (AppError::Conflict(_) | AppError::Invalid(_))) => format!("refused: {error}"),
            Err(error) => panic!("{error}\n{:#?}", self.log),
        });
    }
}

async fn live(kind: Kind, first: u64, count: u64) {
    let provider = Provider::new(kind).await;
    let server = provider.product("Cloud Server", "100.01").await;
    let strict = provider.product("Mail", "33.33").await;
    let lenient = provider.product("Backup", "7.77").await;
    provider.late_payment(strict, Some(LatePayment::Restart)).await;
    provider.late_payment(lenient, Some(LatePayment::Skip)).await;
    for nth in first..first + count {
        let random = Random::seeded(nth);
        provider.set_day(date(2026, 11, 23));
        let customer = provider.customer(&format!("Life {nth}")).await;
        let mut services = Vec::new();
        for product in [server, strict, lenient] {
            services.push(provider.service(customer, product, date(2026, 11, 28)).await);
        }
        provider.addon(services[0], lenient, "2").await;
        let mut life = Life { provider: &provider, random: &random, customer, services, steps: 0, log: Vec::new() };
        for _ in 0..STEPS {
            life.step().await;
        }
        let findings = provider.app.store.examine(provider.id()).await.unwrap();
        let wrong: Vec<_> = findings.into_iter().filter(|finding| !finding.is_well()).collect();
        assert!(wrong.is_empty(), "life {nth}: {:#?}\n{wrong:#?}", life.log);
    }
}

on_both_databases! {
    async fn whatever_happens_the_books_are_right(kind) {
        let all = lives();
        for first in (0..all).step_by(usize::try_from(LIVES_TOGETHER).unwrap()) {
            live(kind, first, LIVES_TOGETHER.min(all - first)).await;
        }
    }
}
