//! `perennial mail test|sample|template`.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use perennial_render::mail::{LetterKind, MAX_TEMPLATE_BYTES};
use serde::Serialize;

use crate::args::{Args, Format, MailCommand, SampleView, TemplateCommand};
use crate::exit::{Exit, UsageError};
use crate::{open, output};

/// Tries mail, and looks at what it says.
pub async fn run(args: &Args, command: &MailCommand) -> Result<Exit> {
    match command {
        MailCommand::Test { address } => {
            let (app, caller) = open::for_staff(args).await?;
            let said = app.try_mail(&caller, address).await?;
            app.store.close().await;
            output::note(format!("The mail server has taken a mail to {address}: {said}"));
            Ok(Exit::Done)
        }
        MailCommand::Sample { kind, language, view } => sample(args, kind, language, *view).await,
        MailCommand::Template { command } => template(args, command).await,
    }
}

async fn sample(args: &Args, kind: &str, language: &str, view: SampleView) -> Result<Exit> {
    let kind = LetterKind::from_word(kind).ok_or_else(|| UsageError(format!("there is no mail {kind:?}")))?;
    let (app, caller) = open::for_staff(args).await?;
    let written = app.sample_mail(&caller, kind, language).await?;
    app.store.close().await;
    match view {
        SampleView::Text => output::line(format!("Subject: {}\n\n{}", written.subject, written.text))?,
        SampleView::Html => output::line(written.html)?,
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Listed {
    name: String,
    own: bool,
    bytes: usize,
}

async fn template(args: &Args, command: &TemplateCommand) -> Result<Exit> {
    let (app, caller) = open::for_staff(args).await?;
    match command {
        TemplateCommand::List { format } => {
            let all = app.mail_templates(&caller).await?;
            let rows = all.into_iter().map(|one| Listed { name: one.name, own: one.is_own, bytes: one.body.len() });
            let rows: Vec<Listed> = rows.collect();
            if format.format == Format::Json {
                output::json(&rows)?;
            } else {
                let whose = |own| if own { "own" } else { "usual" };
                let cells =
                    rows.into_iter().map(|row| vec![row.name, whose(row.own).to_owned(), row.bytes.to_string()]);
                output::table(&["template", "", "bytes"], &[2], cells)?;
            }
        }
        TemplateCommand::Show { name } => {
            let all = app.mail_templates(&caller).await?;
            let known = all.into_iter().find(|one| one.name == *name);
            let known =
                known.with_context(|| format!("there is no template {name}: see `perennial mail template list`"))?;
            output::line(known.body.trim_end())?;
        }
        TemplateCommand::Set { name, file } => {
            app.set_mail_template(&caller, name, &read(file)?).await?;
            output::note(format!("Mails are written with your {name} from now on."));
        }
        TemplateCommand::Reset { name } => {
            app.reset_mail_template(&caller, name).await?;
            output::note(format!("Mails are written with the usual {name} from now on."));
        }
    }
    app.store.close().await;
    Ok(Exit::Done)
}

/// A file, or standard input; one byte more than is allowed is enough to be refused.
fn read(file: &Path) -> Result<String> {
    let limit = u64::try_from(MAX_TEMPLATE_BYTES + 1).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().take(limit).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text)
}
