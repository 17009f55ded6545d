//! Why a service will be renewed, when and for how much; or why not.

use jiff::civil::Date;
use perennial_billing::forecast::Subject;
use perennial_billing::line::PriceOrigin;
use perennial_billing::renewal::{Facts, Plan, Refusal, plan};
use perennial_billing::run::{Hold, hold, lasting_hold};
use perennial_billing::{Cycle, LeadTime, PriceRule, RunId, ServiceId};
use perennial_store::runs::{self, RunProblem};
use perennial_store::sellers::Seller;

use crate::service::visible;
use crate::{App, AppError, Caller, Problem, Result};

/// What the run does with one service, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The service.
    pub service: ServiceId,
    /// The day that is explained.
    pub day: Date,
    /// From which day the run renews it; none if it is not renewed at all.
    pub renew_on: Option<Date>,
    /// How long before its period, and whose setting that is.
    pub lead: LeadTime,
    /// Why the run of that day leaves it alone, if it does.
    pub hold: Option<Hold>,
    /// The invoice that renewing it by itself on that day issues once what is open is paid, or why there is none.
    pub plan: std::result::Result<Box<Plan>, Refusal>,
    /// Why the last run did not renew it, if that still matters.
    pub problem: Option<(RunProblem, RunId)>,
    /// All of it in plain words, a sentence each.
    pub sentences: Vec<String>,
}

impl App {
    /// What the run of a day does with a service, and why; without a day, the next one.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a service that is unknown or not the caller's, [`AppError::Invalid`] for a day before today.
    pub async fn explain(&self, caller: &Caller, service: ServiceId, day: Option<Date>) -> Result<Explanation> {
        let mut conn = self.store.read().await?;
        visible(&mut conn, caller, service).await?;
        let problem = runs::last_problems(&mut conn, caller.seller, &[service]).await?.remove(&service);
        drop(conn);
        let (rules, mut subjects) = self.subjects(caller.seller, &[service]).await?;
        let Subject { facts, open_invoice_due } = subjects.pop().ok_or(AppError::NotFound("Service"))?;
        let today = self.clock.today(&rules.time_zone);
        if day.is_some_and(|day| day < today) {
            let reason = format!("must not be before today, {today}: the past is told by the runs and the invoices");
            return Err(AppError::Invalid(vec![Problem::new("on", reason)]));
        }
        let renew_on = facts.renew_on.filter(|_| lasting_hold(&facts).is_none());
        let is_asked = day.is_some();
        let day = day.unwrap_or_else(|| renew_on.map_or(today, |day| day.max(today)));
        let problem = problem.filter(|(problem, _)| problem.period.is_none_or(|period| period == facts.next_period));
        let mut explanation = Explanation {
            service,
            day,
            renew_on,
            lead: facts.lead,
            hold: hold(&facts, day, day),
            // For how much is worth knowing before the last invoice is paid.
            plan: plan(&Facts { open_invoice: None, free_invoice: None, ..facts.clone() }, day).map(Box::new),
            problem,
            sentences: Vec::new(),
        };
        explanation.sentences = sentences(&explanation, &facts, &rules, open_invoice_due, (today, is_asked));
        Ok(explanation)
    }
}

fn sentences(
    explanation: &Explanation,
    facts: &Facts,
    rules: &Seller,
    open_invoice_due: Option<Date>,
    (today, is_asked): (Date, bool),
) -> Vec<String> {
    let mut said = vec![what_it_is(facts)];
    if let Some(hold) = lasting_hold(facts) {
        said.push(format!("The run does not renew it: {hold}."));
        return said;
    }
    if let (Some(invoice), due) = (facts.open_invoice, open_invoice_due) {
        let due = due.map(|due| format!(", which is due on {due}")).unwrap_or_default();
        said.push(format!("The run waits until invoice {invoice}{due}, is paid."));
    }
    said.extend(when(explanation, facts, rules, (today, is_asked)));
    if let Some((problem, run)) = &explanation.problem {
        let times =
            if problem.failures == 1 { String::new() } else { format!(", {} times in a row", problem.failures) };
        said.push(format!("Run {run} did not renew it{times}: {}.", problem.reason));
    }
    if let (None, Some(hold @ Hold::Parked { .. })) = (&explanation.problem, &explanation.hold) {
        said.push(format!("The run leaves it alone: {hold}."));
    }
    said.extend(how_much(explanation, facts));
    said
}

fn what_it_is(facts: &Facts) -> String {
    let label = if facts.label.is_empty() { String::new() } else { format!(" {}", facts.label) };
    let billed = facts.billed_through().map(|day| format!(", and billed up to {day}")).unwrap_or_default();
    let cycle = match facts.schedule.cycle {
        Cycle::Once => "was sold once".to_owned(),
        Cycle::Free => "is free".to_owned(),
        cycle @ Cycle::Every { .. } => format!("is renewed {}", every(cycle)),
    };
    format!(
        "Service {} ({}{label}) of customer {} is {}, {cycle}{billed}.",
        facts.service, facts.item.name, facts.customer, facts.status
    )
}

/// A cycle in the middle of a sentence.
fn every(cycle: Cycle) -> String {
    let name = cycle.name();
    name.strip_prefix("Every").map_or_else(|| name.to_lowercase(), |rest| format!("every{rest}"))
}

fn when(explanation: &Explanation, facts: &Facts, rules: &Seller, (today, is_asked): (Date, bool)) -> Vec<String> {
    let Some(day) = explanation.renew_on else { return Vec::new() };
    let at = rules.runs.time_of_day();
    let run = if rules.runs.is_daily { format!("the run at {at}") } else { "a run that somebody starts".to_owned() };
    let lead = explanation.lead;
    let starts = facts.billed_through();
    let planned = starts.and_then(|starts| lead.before(starts).ok());
    let reason = match (starts, planned == Some(day)) {
        (Some(starts), true) => {
            let days = if lead.days == 1 { "day" } else { "days" };
            format!(
                "{} {days} before its next period begins on {starts}; that lead time is set for {}",
                lead.days, lead.scope
            )
        }
        _ => "which is when it is tried again".to_owned(),
    };
    let mut said = if day <= today {
        vec![format!("It has been due since {day}, {reason}. The next run takes it: {run}.")]
    } else {
        vec![format!("From {day} on, {reason}, {run} renews it.")]
    };
    if is_asked {
        said.push(match &explanation.hold {
            Some(Hold::NotYet(day)) => {
                format!("A run on {} leaves it alone: it is not due before {day}.", explanation.day)
            }
            Some(hold) => format!("A run on {} leaves it alone: {hold}.", explanation.day),
            None => format!("A run on {} takes it.", explanation.day),
        });
    }
    said
}

fn how_much(explanation: &Explanation, facts: &Facts) -> Vec<String> {
    match &explanation.plan {
        Ok(plan) => {
            let claim = plan.claims.first();
            let days = claim.map(|claim| format!("{} to {}", claim.period.starts, claim.period.last_day()));
            let mut said = vec![format!(
                "Renewing it on {} bills {} for {} + {} VAT = {}, due on {}.",
                plan.issued_on,
                days.unwrap_or_default(),
                plan.net.amount(),
                plan.tax.amount(),
                plan.total,
                plan.due_on
            )];
            said.extend(plan.lines.iter().map(|line| {
                let rule = if line.addon.is_none() { facts.item.rule } else { PriceRule::Follow };
                let origin = match line.price_origin {
                    PriceOrigin::Own => match rule {
                        PriceRule::Own { through: Some(day), .. } => {
                            format!("its own price, for periods that begin through {day}")
                        }
                        _ => "its own price".to_owned(),
                    },
                    PriceOrigin::Feed => "what the price feed says now".to_owned(),
                    PriceOrigin::Campaign(campaign) => {
                        let from = facts.item.campaign.map(|campaign| campaign.from);
                        let from = from.map(|from| format!(", valid from {from}")).unwrap_or_default();
                        format!("the price of campaign {campaign}{from}")
                    }
                    PriceOrigin::Converted(version) => {
                        format!("version {version} of the catalogue's price, converted from the seller's currency")
                    }
                    PriceOrigin::Billed => "what it was billed for".to_owned(),
                    PriceOrigin::Catalogue(version) => {
                        let starts = facts.prices.iter().find(|known| known.id == version).map(|known| known.starts);
                        let starts = starts.map(|starts| format!(", valid from {starts}")).unwrap_or_default();
                        let kept = match rule {
                            PriceRule::Kept(day) => format!("; it keeps the price of {day}"),
                            _ => String::new(),
                        };
                        format!("version {version} of the catalogue's price{starts}{kept}")
                    }
                };
                let what = line.description.split(", ").next().unwrap_or_default();
                let off = line.allowance.as_ref().map(|off| format!(", less {} ({})", off.amount.amount(), off.reason));
                format!("{what}: {} × {}, {origin}{}.", line.quantity, line.unit_price, off.unwrap_or_default())
            }));
            said
        }
        Err(refusal) => vec![format!("Renewing it on {} is not possible: {refusal}.", explanation.day)],
    }
}
