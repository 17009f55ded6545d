//! `perennial vat check|history`.

use anyhow::Result;
use perennial_app::{App, Caller, VIES_URL, VatChecked, VatOutcome, VatPass, VatPassEnd};
use perennial_billing::{CustomerId, NumberStatus};
use perennial_store::vat_checks::VatCheck;
use serde::Serialize;

use crate::args::{Args, Format, VatCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    customer_id: String,
    number: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    is_current: bool,
    status: &'static str,
    counts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
}

#[derive(Serialize)]
struct Evidence {
    id: String,
    at: String,
    number: String,
    outcome: &'static str,
    checker: String,
    name: String,
    address: String,
    consultation: String,
}

impl From<VatCheck> for Evidence {
    fn from(check: VatCheck) -> Self {
        let VatCheck { name, address, consultation, checker, number, .. } = check;
        let (id, at, outcome) = (check.id.to_string(), check.at.to_string(), check.outcome.as_str());
        Self { id, at, number, outcome, checker, name, address, consultation }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pass {
    valid: usize,
    invalid: usize,
    unanswered: usize,
    became_invalid: Vec<String>,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Checks of VAT numbers.
pub async fn run(args: &Args, command: &VatCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    let exit = match command {
        VatCommand::Check { customer: Some(customer), format, .. } => {
            require_checker(&app, args)?;
            let checked = app.check_vat_number(&caller, open::id("customer", customer)?).await?;
            told(checked, format.format)?
        }
        VatCommand::Check { customer: None, format, .. } => {
            require_checker(&app, args)?;
            all_due(&app, &caller, format.format).await?
        }
        VatCommand::History { customer, limit, format } => {
            let customer: CustomerId = open::id("customer", customer)?;
            history(app.vat_checks_of(&caller, customer, *limit).await?, format.format)?;
            Exit::Done
        }
    };
    app.store.close().await;
    Ok(exit)
}

/// Says what to configure, in the file that is used.
fn require_checker(app: &App, args: &Args) -> Result<(), UsageError> {
    if app.vat_checker().is_some() {
        return Ok(());
    }
    let file = args.config.display();
    Err(UsageError(format!(
        "VAT numbers are not checked; to check them, set url in the section vat_checks of {file}:\n\n[vat_checks]\nurl = \"{VIES_URL}\""
    )))
}

fn told(checked: VatChecked, format: Format) -> Result<Exit> {
    let (outcome, reason) = match &checked.outcome {
        VatOutcome::Valid { .. } => ("valid", None),
        VatOutcome::Invalid { .. } => ("invalid", None),
        VatOutcome::Unavailable(away) => ("unavailable", Some(away.reason.clone())),
    };
    match format {
        Format::Json => output::json(&Checked {
            customer_id: checked.customer.to_string(),
            number: checked.number.to_string(),
            outcome,
            reason,
            is_current: checked.is_current,
            status: checked.status.as_str(),
            counts: checked.counts,
            evidence: checked.evidence.map(Evidence::from),
        })?,
        Format::Table => in_words(&checked)?,
    }
    Ok(if outcome == "valid" { Exit::Done } else { Exit::Incomplete })
}

fn in_words(checked: &VatChecked) -> Result<()> {
    let number = &checked.number;
    match &checked.outcome {
        VatOutcome::Valid { name, address, consultation } => {
            output::line(format!("{number} is valid."))?;
            for (what, text) in [("Name", name), ("Address", address), ("Consultation number", consultation)] {
                if !text.is_empty() {
                    output::line(format!("{what}: {}", text.replace('\n', ", ")))?;
                }
            }
        }
        VatOutcome::Invalid { consultation } => {
            output::line(format!("{number} is not valid: from the next invoice on it does not count."))?;
            if !consultation.is_empty() {
                output::line(format!("Consultation number: {consultation}"))?;
            }
        }
        VatOutcome::Unavailable(away) => {
            let so_far = match checked.status {
                NumberStatus::Unchecked => "It was never checked",
                NumberStatus::Valid => "It is taken for valid as before",
                NumberStatus::Invalid => "It is taken for invalid as before",
            };
            let counts = if checked.counts { "it counts" } else { "it does not count" };
            output::line(format!("VIES could not say whether {number} is valid: {away}. {so_far}, so {counts}."))?;
        }
    }
    if !checked.is_current {
        output::note("The customer got another number meanwhile; only the evidence was written.");
    }
    Ok(())
}

async fn all_due(app: &App, caller: &Caller, format: Format) -> Result<Exit> {
    let bar = output::progress_bar("numbers");
    let so_far = |pass: &VatPass| {
        let done = u64::try_from(pass.answered() + pass.unanswered).unwrap_or(u64::MAX);
        bar.set_length(done);
        bar.set_position(done);
    };
    let pass = app.check_due_vat_numbers(caller, open::stop_on_signal()?, so_far).await?;
    bar.finish_and_clear();
    let is_well = pass.invalid == 0 && pass.unanswered == 0 && matches!(pass.end, VatPassEnd::Done | VatPassEnd::Full);
    let (end, reason) = match &pass.end {
        VatPassEnd::Done => ("done", None),
        VatPassEnd::Stopped => ("stopped", None),
        VatPassEnd::Full => ("full", None),
        VatPassEnd::Away(reason) => ("away", Some(reason.clone())),
    };
    let became_invalid: Vec<String> = pass.became_invalid.iter().map(ToString::to_string).collect();
    let VatPass { valid, invalid, unanswered, .. } = pass;
    if format == Format::Json {
        output::json(&Pass { valid, invalid, unanswered, became_invalid, end, reason })?;
    } else {
        output::line(format!("{valid} valid, {invalid} invalid, {unanswered} without an answer"))?;
        if !became_invalid.is_empty() {
            output::line(format!("Not valid any more, of customer {}", became_invalid.join(", ")))?;
        }
        match (&pass.end, reason) {
            (VatPassEnd::Full, _) => output::note("There are more than one pass checks; call again."),
            (VatPassEnd::Stopped, _) => output::note("Stopped before the end; call again."),
            (VatPassEnd::Away(_), Some(reason)) => output::note(format!("VIES is away: {reason}. Call again later.")),
            _ => {}
        }
    }
    Ok(if is_well { Exit::Done } else { Exit::Incomplete })
}

fn history(checks: Vec<VatCheck>, format: Format) -> Result<()> {
    let rows = checks.into_iter().map(Evidence::from);
    if format == Format::Json {
        return output::json(&rows.collect::<Vec<_>>());
    }
    let cells = |e: Evidence| {
        vec![e.at, e.number, e.outcome.to_owned(), e.name, e.address.replace('\n', ", "), e.consultation, e.checker]
    };
    output::table(&["at", "number", "outcome", "name", "address", "consultation", "by"], &[], rows.map(cells))
}
