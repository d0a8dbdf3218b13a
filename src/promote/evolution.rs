//! A table's columns change only as far as the contract's version says so: what consumers can rely on is the version.

use semver::Version;

use crate::fault::Fault;
use crate::hir::OtherColumns;
use crate::lake::delta::Table;
use crate::promote::Task;

/// Refuses columns that come or go without the version that is due: a later one for a new column, one that breaks
/// for a column that is gone. A table that no receipt tells a version of takes what it is given.
pub(super) async fn check(task: &Task<'_>, target: &Table) -> Result<(), Fault> {
    let plan = task.plan;
    let there: Vec<String> = target.columns()?.iter().map(|c| c.name().to_owned()).collect();
    let new = plan.columns.iter().find(|c| !there.iter().any(|t| t.eq_ignore_ascii_case(&c.name)));
    let gone = match plan.other {
        // Columns that no contract names come and go with the batches.
        OtherColumns::Kept => None,
        _ => there.iter().find(|t| plan.column(t).is_none() && !plan.columns.iter().any(|c| c.name.eq_ignore_ascii_case(t))),
    };
    if new.is_none() && gone.is_none() {
        return Ok(());
    }
    let before = target.find_commit(None, |info| info.contains_key("dqc_contract_version")).await?;
    let before = before.and_then(|(_, info)| Version::parse(info.get("dqc_contract_version")?.as_str()?).ok());
    let (Some(before), Ok(now)) = (before, Version::parse(&plan.version)) else { return Ok(()) };
    let due = |breaks: bool| match (before.major, breaks) {
        (0, true) => Version::new(0, before.minor + 1, 0),
        (0, false) => Version::new(0, before.minor, before.patch + 1),
        (major, true) => Version::new(major + 1, 0, 0),
        (major, false) => Version::new(major, before.minor + 1, 0),
    };
    let refused = |what: String, due: Version| {
        Err(Fault::usage(format!("{what}, and version {now} of the contract does not say so")).with_help(format!(
            "the table was written under version {before}; raise the contract to {due} or later if the change is meant"
        )))
    };
    match (new, gone) {
        (_, Some(gone)) if now < due(true) => {
            refused(format!("`{}` would lose its column `{gone}`", plan.dataset), due(true))
        }
        (Some(new), _) if now < due(false) => {
            refused(format!("`{}` would get a new column `{}`", plan.dataset, new.name), due(false))
        }
        _ => Ok(()),
    }
}
