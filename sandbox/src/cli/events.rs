//! `token-sandbox events`: writes the sample events, or says which are not as they would be
//! written.

use std::path::Path;

use sandbox::events::{self, WriteError};

use super::{page::Page, stack::End};

pub(crate) fn write(folder: &Path) -> Result<End, WriteError> {
    let samples = events::write(folder)?;
    Page::new().line(format!("{samples} events written to {}", folder.display()));
    Ok(End::Good)
}

/// Bad if a file differs.
pub(crate) fn check(folder: &Path) -> Result<End, WriteError> {
    let differences = events::differences(folder)?;
    let mut page = Page::new();
    for difference in &differences {
        page.cross(&difference.to_string());
    }
    if differences.is_empty() {
        page.tick(&format!(
            "{} is as `make events` writes it",
            folder.display()
        ));
    }
    Ok(End::good_if(differences.is_empty()))
}
