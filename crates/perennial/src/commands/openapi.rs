//! `perennial openapi`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::exit::Exit;
use crate::output;

/// Prints the document that describes the API, or writes it and the reference into a folder.
pub fn run(folder: Option<&Path>) -> Result<Exit> {
    let Some(folder) = folder else {
        output::line(perennial_web::openapi().trim_end())?;
        return Ok(Exit::Done);
    };
    let pages = folder.join("reference");
    fs::create_dir_all(&pages).with_context(|| format!("cannot make the folder {}", pages.display()))?;
    let mut files = vec![(folder.join("openapi.json"), perennial_web::openapi())];
    files.extend(perennial_web::reference().map(|(name, text)| (pages.join(format!("{name}.md")), text)));
    for (path, text) in &files {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    output::note(format!("{} files are written into {}.", files.len(), folder.display()));
    Ok(Exit::Done)
}
