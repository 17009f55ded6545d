//! Correcting invoices: a credit note gives back what an invoice asked for, in full, by line or by amount. An invoice that
//! nobody has seen may be voided instead. What nobody will pay is written off.

use jiff::civil::Date;
use perennial_billing::change::TakenBack;
use perennial_billing::ledger::{Account, Entry, Source, of_sums};
use perennial_billing::{
    AmountRules, Amounts, DocumentKind, HomeTax, InvoiceId, LatePayment, Money, Period, PeriodNumber, ProductId,
    Quantity, ServiceId, TaxGroup, TaxProfile, credited_shares,
};
use perennial_store::credits::{self, CreditReason, NewCreditMove};
use perennial_store::documents::{self, NewDocument};
use perennial_store::invoices::{self, Invoice, InvoiceLine, InvoiceStatus};
use perennial_store::renewals::{self, WrittenInvoice};
use perennial_store::sellers::{self, Seller};
use perennial_store::services::{self, Service};
use perennial_store::settlements::{self, BilledPeriod, SettledBy};
use perennial_store::{Conn, Tx, addons, changes, customers, ledger, products};

use crate::error::{check_text, refuse};
use crate::service::renew_on;
use crate::{App, AppError, Caller, Result};

/// What of an invoice is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditOf {
    /// All that is not given back yet.
    Everything,
    /// These lines.
    Lines(Vec<i64>),
    /// So much, with tax, in minor units of its currency: of each tax its share.
    Amount(i64),
}

/// A credit note that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoted {
    /// Its id and number.
    pub note: WrittenInvoice,
    /// What it gives, with tax.
    pub total: Money,
    /// What of it the invoice no longer asks for.
    pub settled: Money,
    /// What of it became the customer's credit, because it was paid already.
    pub credited: Money,
    /// The periods that are free to be billed again.
    pub freed: Vec<(ServiceId, PeriodNumber)>,
}

/// Where a period of an invoice lies when it is paid, under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatePeriod {
    /// Of which service.
    pub service: ServiceId,
    /// Under which policy.
    pub policy: LatePayment,
    /// Whether that is the service's.
    pub is_chosen: bool,
    /// Its days.
    pub period: Period,
}

/// An invoice with what is not given back of it yet.
struct Creditable {
    invoice: Invoice,
    lines: Vec<InvoiceLine>,
    /// By tax, what is left.
    left: Vec<TaxGroup>,
    left_rounding: Money,
    /// Whether nothing was given back before.
    is_whole: bool,
    /// Lines that were given back by name.
    credited_lines: Vec<i64>,
}

impl App {
    /// Issues a credit note for an invoice, in a series of its own. What the invoice no longer asks for is off what is to be
    /// paid; what was paid already becomes the customer's credit. Periods that are given back whole can be billed again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Invalid`]; [`AppError::Conflict`] when it is no invoice, was voided or written off,
    /// or nothing, or not so much, is left to give back.
    pub async fn credit_invoice(
        &self,
        caller: &Caller,
        id: InvoiceId,
        of: &CreditOf,
        reason: &str,
    ) -> Result<CreditNoted> {
        let mut problems = Vec::new();
        check_text(&mut problems, "reason", reason, true);
        refuse(problems)?;
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let mut noted = self.issue_credit_note(&mut tx, &seller, caller, id, of, reason).await?;
        if *of == CreditOf::Everything || matches!(of, CreditOf::Lines(_)) {
            noted.freed = self.free_periods(&mut tx, &seller, id, of).await?;
        }
        tx.commit().await?;
        Ok(noted)
    }

    /// The credit note alone; whoever asks for it sees to the periods.
    pub(crate) async fn issue_credit_note(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        caller: &Caller,
        id: InvoiceId,
        of: &CreditOf,
        reason: &str,
    ) -> Result<CreditNoted> {
        settlements::lock(tx, seller.id, id).await?;
        let creditable = creditable(tx, seller, id).await?;
        let invoice = &creditable.invoice;
        let (lines, amounts) = what_is_given(&creditable, of)?;
        let (today, now) = (self.clock.today(&seller.time_zone), self.clock.now());
        let customer = customers::get(tx, seller.id, invoice.customer).await?.ok_or(AppError::NotFound("Customer"))?;
        let settled = Money::new(amounts.total.minor.min(invoice.open.minor), amounts.total.currency);
        let credited = Money::new(amounts.total.minor - settled.minor, amounts.total.currency);
        let mut entries = booked(&lines, &amounts);
        entries.extend(Entry::moving(Account::Receivable, Account::Credit, credited));
        let home_tax = match &invoice.home_tax {
            Some(home) => Some(HomeTax::of(amounts.tax, home.rate.clone(), invoice.rules.rounding).map_err(too_large)?),
            None => None,
        };
        let total = amounts.total;
        let document = NewDocument {
            kind: DocumentKind::CreditNote,
            mail: seller.mail_invoices && !customer.party.email.is_empty(),
            // Who was billed is who is given back to, as it was then.
            customer: customers::Customer { party: invoice.buyer.clone(), ..customer },
            issued_on: today,
            due_on: today,
            lines,
            amounts,
            rules: invoice.rules,
            home_tax,
            corrects: Some(id),
            reason: Some(reason.to_owned()),
            entries,
        };
        let note = documents::issue(tx, seller, &document, now).await?;
        let held = settlements::hold(tx, seller.id, &[id]).await?;
        if let Some(open) = held.first().filter(|_| settled.minor > 0) {
            let by = SettledBy::CreditNote;
            let (_, is_last) = settlements::settle(tx, seller.id, open, settled, by, Some(note.id.0), now).await?;
            if is_last {
                settlements::release_services(tx, seller.id, id).await?;
            }
        }
        if credited.minor > 0 {
            let moved = NewCreditMove {
                customer: invoice.customer,
                amount: credited,
                reason: CreditReason::Credited,
                invoice: Some(note.id),
                payment: None,
                refund: None,
                at: now,
                actor: caller.actor.to_string(),
            };
            credits::move_credit(tx, seller.id, &moved).await?;
        }
        self.note(tx, seller.id, caller.actor, "invoice.credited", "invoice", id.0).await?;
        Ok(CreditNoted { note, total, settled, credited, freed: Vec::new() })
    }

    /// Takes an invoice back that nothing is paid of: voids it if it may be, and gives all of it back by a credit note if not.
    /// Its periods are free; the services are left to the caller. Nothing if it is not unpaid any more.
    pub(crate) async fn withdraw(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        caller: &Caller,
        id: InvoiceId,
        reason: &str,
    ) -> Result<bool> {
        let today = self.clock.today(&seller.time_zone);
        if invoices::may_be_voided(tx, seller.id, id).await? {
            return Ok(changes::take_back(tx, seller.id, id, today).await?);
        }
        let known = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
        if known.status != InvoiceStatus::Issued || known.open != known.total {
            return Ok(false);
        }
        self.issue_credit_note(tx, seller, caller, id, &CreditOf::Everything, reason).await?;
        let periods = settlements::periods(tx, seller.id, id).await?;
        settlements::free(tx, seller.id, id, &periods).await?;
        Ok(true)
    }

    /// Voids an invoice that nothing is paid of, nobody was sent, and which is the last of its series. Its periods can be
    /// billed again; its number stays used, as a void one.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when it may not be voided: a credit note corrects it then.
    pub async fn void_invoice(&self, caller: &Caller, id: InvoiceId) -> Result<Vec<(ServiceId, PeriodNumber)>> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        settlements::lock(&mut tx, seller.id, id).await?;
        an_invoice(&mut tx, &seller, id).await?;
        if !invoices::may_be_voided(&mut tx, seller.id, id).await? {
            return Err(AppError::Conflict(format!(
                "Invoice {id} was sent, is paid in part, or is not the last of its series: correct it with a credit note \
                 (`perennial invoice credit {id}`)"
            )));
        }
        let freed = self.free_periods(&mut tx, &seller, id, &CreditOf::Everything).await?;
        changes::take_back(&mut tx, seller.id, id, self.clock.today(&seller.time_zone)).await?;
        self.note(&mut tx, seller.id, caller.actor, "invoice.voided", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(freed)
    }

    /// Gives up what is still to be paid for an invoice. The invoice stays as it is, and so do its periods; the services can
    /// be renewed again.
    ///
    /// # Errors
    /// [`AppError::NotFound`]; [`AppError::Conflict`] when nothing is to be paid.
    pub async fn write_off(&self, caller: &Caller, id: InvoiceId) -> Result<Money> {
        let mut tx = self.store.begin().await?;
        let seller = sellers::get(&mut tx, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let held = settlements::hold(&mut tx, seller.id, &[id]).await?;
        let Some(open) = held.first().filter(|open| !open.is_deposit) else {
            invoices::get(&mut tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
            return Err(AppError::Conflict(format!("Nothing is to be paid for invoice {id}")));
        };
        let (today, now) = (self.clock.today(&seller.time_zone), self.clock.now());
        let (settlement, _) =
            settlements::settle(&mut tx, seller.id, open, open.open, SettledBy::WriteOff, None, now).await?;
        let entries: Vec<Entry> = Entry::moving(Account::BadDebt, Account::Receivable, open.open).into_iter().collect();
        ledger::book(&mut tx, seller.id, Source::Settlement, settlement, today, &entries).await?;
        settlements::release_services(&mut tx, seller.id, id).await?;
        self.note(&mut tx, seller.id, caller.actor, "invoice.written_off", "invoice", id.0).await?;
        tx.commit().await?;
        Ok(open.open)
    }

    /// Frees the periods that an invoice has billed and that were given back whole, and lets the services be billed from the
    /// first of them on again, where no later one is billed.
    async fn free_periods(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        id: InvoiceId,
        of: &CreditOf,
    ) -> Result<Vec<(ServiceId, PeriodNumber)>> {
        let invoice = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
        let lines = invoices::lines(tx, seller.id, &invoice).await?;
        let is_given = |line: &InvoiceLine| match of {
            CreditOf::Lines(given) => given.contains(&line.line),
            CreditOf::Everything | CreditOf::Amount(_) => true,
        };
        let own_line = |billed: &BilledPeriod| {
            let is_own = |line: &&InvoiceLine| {
                line.addon.is_none() && line.service == Some(billed.service) && line.period == Some(billed.period)
            };
            lines.iter().find(is_own).is_some_and(is_given)
        };
        let periods = settlements::periods(tx, seller.id, id).await?;
        // What a change has billed, or given a part of back, is not a whole period any more.
        let whole: Vec<BilledPeriod> =
            periods.into_iter().filter(|billed| !billed.is_given_back && own_line(billed)).collect();
        settlements::free(tx, seller.id, id, &whole).await?;
        let mut services: Vec<ServiceId> = whole.iter().map(|billed| billed.service).collect();
        services.dedup();
        for service in services {
            let of_it: Vec<&BilledPeriod> = whole.iter().filter(|billed| billed.service == service).collect();
            let given = lines.iter().filter(|line| line.service == Some(service) && is_given(line));
            self.step_back(tx, seller, service, &of_it, given).await?;
        }
        Ok(whole.iter().map(|billed| (billed.service, billed.number)).collect())
    }

    /// Lets a service be billed again from the first of its freed periods on, if they are the last that were billed.
    async fn step_back<'a>(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        id: ServiceId,
        freed: &[&BilledPeriod],
        given: impl Iterator<Item = &'a InvoiceLine>,
    ) -> Result<()> {
        let mut gathered = renewals::gather(tx, seller, &[id]).await?;
        let (Some(found), Some(mut service)) = (gathered.get_mut(&id), services::get(tx, seller.id, id).await?) else {
            return Ok(());
        };
        let facts = &mut found.facts;
        // In a row up to the last one that is billed, and within the schedule that the service has.
        let mut from = facts.next_period;
        for billed in freed.iter().rev() {
            if Some(billed.number) == from.previous() && billed.number >= facts.schedule.first {
                from = billed.number;
            }
        }
        let invoice = facts.open_invoice;
        if from != facts.next_period {
            // What was given back earlier, while a later period was billed, is billed again too.
            from = settlements::free_before(tx, seller.id, id, from).await?.max(facts.schedule.first);
            let mut taken = TakenBack { invoice: InvoiceId(0), from, addons: Vec::new(), discounts: Vec::new() };
            for line in given {
                match line.addon {
                    None => taken.discounts.extend(line.allowance.as_ref().map(|off| off.reason.clone())),
                    Some(addon) => match taken.addons.iter_mut().find(|(known, _)| *known == addon) {
                        Some((_, periods)) => *periods += 1,
                        None => taken.addons.push((addon, 1)),
                    },
                }
            }
            taken.applied(facts);
            let terms: Vec<_> = facts.addons.iter().filter_map(|addon| Some((addon.id, addon.term?))).collect();
            addons::set_terms(tx, seller.id, &terms).await?;
            service.discount.clone_from(&facts.discount);
            service.next_period = from;
            service.billed_through = facts.billed_through();
            service.paid_through = service.paid_through.min(service.billed_through.or(service.paid_through));
            service.renew_on = renew_on(seller, &service);
        }
        services::upsert(tx, seller.id, &[service]).await?;
        if let Some(invoice) = invoice {
            settlements::release_freed(tx, seller.id, id, invoice).await?;
        }
        Ok(())
    }

    /// Where the periods of an unpaid invoice would lie if it were paid on a day, under each policy.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub async fn preview_late_payment(
        &self,
        caller: &Caller,
        id: InvoiceId,
        paid_on: Option<Date>,
    ) -> Result<Vec<LatePeriod>> {
        let mut conn = self.store.read().await?;
        let seller = sellers::get(&mut conn, caller.seller).await?.ok_or(AppError::NotFound("Seller"))?;
        let known = invoices::get(&mut conn, seller.id, id).await?;
        known.filter(|known| caller.may_see(known.customer)).ok_or(AppError::NotFound("Invoice"))?;
        let paid_on = paid_on.unwrap_or_else(|| self.clock.today(&seller.time_zone));
        let mut found = Vec::new();
        for billed in settlements::periods(&mut conn, seller.id, id).await? {
            let Some(service) = services::get(&mut conn, seller.id, billed.service).await? else { continue };
            let chosen = late_policy(&mut conn, &seller, &service).await?;
            let may_move = may_move(&service, &billed);
            for policy in [LatePayment::Keep, LatePayment::Restart, LatePayment::Skip] {
                let moved = policy.moved(service.schedule, billed.number, billed.period, paid_on).ok().flatten();
                let period = moved.filter(|_| may_move).map_or(billed.period, |moved| moved.period);
                found.push(LatePeriod { service: service.id, policy, is_chosen: policy == chosen, period });
            }
        }
        Ok(found)
    }

    /// Moves periods that were paid late, as the product's or the seller's policy has it. A period after which another one is
    /// billed already stays.
    pub(crate) async fn move_late_periods(
        &self,
        tx: &mut Tx,
        seller: &Seller,
        invoice: InvoiceId,
        paid_on: Date,
        at: jiff::Timestamp,
    ) -> Result<()> {
        for billed in settlements::periods(tx, seller.id, invoice).await? {
            let Some(mut service) = services::get(tx, seller.id, billed.service).await? else { continue };
            let policy = late_policy(tx, seller, &service).await?;
            let moved = policy.moved(service.schedule, billed.number, billed.period, paid_on);
            let Some(moved) = moved.ok().flatten().filter(|_| may_move(&service, &billed)) else { continue };
            settlements::move_period(tx, seller.id, invoice, &billed, &moved, policy, at).await?;
            service.schedule = moved.schedule;
            service.next_period = moved.number.next();
            service.billed_through = Some(moved.period.ends);
            service.renew_on = renew_on(seller, &service);
            services::upsert(tx, seller.id, &[service]).await?;
        }
        Ok(())
    }
}

/// What becomes of this service's dates when it is paid late.
async fn late_policy(conn: &mut Conn, seller: &Seller, service: &Service) -> Result<LatePayment> {
    let product = products::get(conn, seller.id, service.product).await?;
    Ok(product.and_then(|(product, _)| product.late_payment).unwrap_or(seller.late_payment))
}

/// A period can move while it is the last that is billed, no part of it was given back, and the service does not end.
fn may_move(service: &Service, billed: &BilledPeriod) -> bool {
    service.next_period == billed.number.next() && service.ends_on.is_none() && !billed.is_given_back
}

fn too_large(error: perennial_billing::AmountOutOfRange) -> AppError {
    AppError::Conflict(error.to_string())
}

/// An invoice, and no other kind of document.
async fn an_invoice(tx: &mut Tx, seller: &Seller, id: InvoiceId) -> Result<Invoice> {
    let known = invoices::get(tx, seller.id, id).await?.ok_or(AppError::NotFound("Invoice"))?;
    match known.kind {
        DocumentKind::Invoice => Ok(known),
        DocumentKind::CreditNote => Err(AppError::Conflict(format!("{} is a credit note itself", known.number))),
        DocumentKind::Deposit => Err(AppError::Conflict(format!(
            "{} asks for credit and bills nothing: call it off (`perennial credit cancel-funds {id}`), or refund what was paid",
            known.number
        ))),
    }
}

/// An invoice with what is not given back of it yet.
async fn creditable(tx: &mut Tx, seller: &Seller, id: InvoiceId) -> Result<Creditable> {
    let invoice = an_invoice(tx, seller, id).await?;
    if matches!(invoice.status, InvoiceStatus::Void | InvoiceStatus::WrittenOff) {
        let status = invoice.status.as_str().replace('_', " ");
        return Err(AppError::Conflict(format!("Invoice {id} is {status}: there is nothing to give back")));
    }
    let lines = invoices::lines(tx, seller.id, &invoice).await?;
    let mut left = invoices::taxes(tx, seller.id, &invoice).await?;
    let mut left_rounding = invoice.rounding;
    let notes = invoices::correcting(tx, seller.id, id).await?;
    let mut credited_lines = Vec::new();
    for note in &notes {
        for given in invoices::taxes(tx, seller.id, note).await? {
            for group in left.iter_mut().filter(|group| group.profile == given.profile) {
                group.base.minor -= given.base.minor;
                group.tax.minor -= given.tax.minor;
            }
        }
        left_rounding.minor -= note.rounding.minor;
        let given = invoices::lines(tx, seller.id, note).await?;
        credited_lines.extend(given.iter().filter_map(|line| line.corrects_line));
    }
    Ok(Creditable { invoice, lines, left, left_rounding, is_whole: notes.is_empty(), credited_lines })
}

/// The lines and amounts of a credit note.
fn what_is_given(creditable: &Creditable, of: &CreditOf) -> Result<(Vec<InvoiceLine>, Amounts)> {
    let Creditable { invoice, left, .. } = creditable;
    let currency = invoice.total.currency;
    let whole: i64 = left.iter().map(|group| group.base.minor + group.tax.minor).sum();
    let asked = whole + creditable.left_rounding.minor;
    if left.iter().all(|group| group.base.minor == 0 && group.tax.minor == 0) {
        return Err(AppError::Conflict(format!("All of invoice {} is given back already", invoice.id)));
    }
    let everything = |lines| (lines, given(left.clone(), creditable.left_rounding));
    match of {
        CreditOf::Everything if creditable.is_whole => Ok(everything(creditable.lines.iter().map(corrected).collect())),
        CreditOf::Everything => Ok(everything(of_groups(invoice, left))),
        CreditOf::Amount(minor) if !(1..=asked).contains(minor) => {
            let most = Money::new(asked, currency);
            Err(AppError::Conflict(format!("At most {most} of invoice {} can be given back", invoice.id)))
        }
        CreditOf::Amount(minor) if *minor == asked => Ok(everything(of_groups(invoice, left))),
        CreditOf::Amount(minor) => {
            let groups = credited_shares(left, Money::new(*minor, currency), invoice.rules).map_err(too_large)?;
            Ok((of_groups(invoice, &groups), given(groups, Money::zero(currency))))
        }
        CreditOf::Lines(numbers) => {
            let mut lines = Vec::new();
            for number in numbers {
                let known = creditable.lines.iter().find(|line| line.line == *number);
                let line =
                    known.ok_or_else(|| AppError::Conflict(format!("Invoice {} has no line {number}", invoice.id)))?;
                if creditable.credited_lines.contains(number)
                    || lines.iter().any(|l: &InvoiceLine| l.corrects_line == Some(*number))
                {
                    return Err(AppError::Conflict(format!("Line {number} is given back already")));
                }
                lines.push(corrected(line));
            }
            let groups = of_lines(&lines, left, invoice.rules)?;
            // What is left to be rounded goes with the last of it.
            let is_last = groups.iter().map(|group| group.base.minor + group.tax.minor).sum::<i64>() == whole;
            let rounding = if is_last { creditable.left_rounding } else { Money::zero(currency) };
            Ok((lines, given(groups, rounding)))
        }
    }
}

/// The tax of lines that are given back, by the invoice's own rules; what is left of a group goes with its last line.
fn of_lines(lines: &[InvoiceLine], left: &[TaxGroup], rules: AmountRules) -> Result<Vec<TaxGroup>> {
    let net = lines.iter().map(|line| (line.tax, line.net));
    let mut groups = TaxGroup::of_lines(net, rules).map_err(too_large)?;
    for group in &mut groups {
        let left = left.iter().find(|left| left.profile == group.profile);
        let left = left.filter(|left| left.base.minor >= group.base.minor);
        let left = left.ok_or_else(|| AppError::Conflict("Not so much is left to be given back".to_owned()))?;
        let gross = lines.iter().filter(|line| line.tax == group.profile).map(|line| line.gross);
        if let (true, Some(gross)) =
            (rules.includes_tax, gross.map(|gross| gross.map(|g| g.minor)).sum::<Option<i64>>())
        {
            group.tax.minor = if group.tax.minor == 0 { 0 } else { gross - group.base.minor };
        }
        group.tax.minor = if left.base == group.base { left.tax.minor } else { group.tax.minor.min(left.tax.minor) };
    }
    Ok(groups)
}

/// A line as a credit note gives it back.
fn corrected(line: &InvoiceLine) -> InvoiceLine {
    InvoiceLine { corrects_line: Some(line.line), ..line.clone() }
}

/// A line for each tax, where not whole lines are given back.
fn of_groups(invoice: &Invoice, groups: &[TaxGroup]) -> Vec<InvoiceLine> {
    let groups = groups.iter().filter(|group| group.base.minor != 0 || group.tax.minor != 0);
    let line = |(line, group): (i64, &TaxGroup)| InvoiceLine {
        line,
        service: None,
        addon: None,
        product: None,
        description: format!("Credit on invoice {}", invoice.number),
        quantity: Quantity::ONE,
        unit_price: group.base,
        net: group.base,
        gross: None,
        allowance: None,
        tax: group.profile,
        period: None,
        price_origin: "written".to_owned(),
        price_id: None,
        discount: None,
        corrects_line: None,
        part: None,
    };
    (1..).zip(groups).map(line).collect()
}

fn given(groups: Vec<TaxGroup>, rounding: Money) -> Amounts {
    let sum = |of: fn(&TaxGroup) -> i64| Money::new(groups.iter().map(of).sum(), rounding.currency);
    let (net, tax) = (sum(|group| group.base.minor), sum(|group| group.tax.minor));
    let total = Money::new(net.minor + tax.minor + rounding.minor, rounding.currency);
    let tax_groups = groups.into_iter().filter(|group| group.base.minor != 0 || group.tax.minor != 0).collect();
    Amounts { tax_groups, net, tax, rounding, total }
}

/// The opposite of what the invoice has booked.
fn booked(lines: &[InvoiceLine], amounts: &Amounts) -> Vec<Entry> {
    let mut earned: Vec<(Option<ProductId>, TaxProfile, Money)> = Vec::new();
    for line in lines {
        match earned.iter_mut().find(|(product, tax, _)| (*product, *tax) == (line.product, line.tax)) {
            Some((.., sum)) => sum.minor = sum.minor.saturating_add(line.net.minor),
            None => earned.push((line.product, line.tax, line.net)),
        }
    }
    of_sums(earned, &amounts.tax_groups, amounts.rounding).into_iter().map(Entry::undone).collect()
}
