//! One batch of rows: masks for every rule, states for what rows do not decide, and the way that each row goes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, FilterPredicate, cast};
use arrow::datatypes::{DataType, Int64Type, UInt32Type};

use super::dictionaries::Dictionaries;
use super::{Pass, Tallies};
use crate::engine::compile::{Check, Test};
use crate::engine::expr::{Computed, Frame, falsehoods, truths};
use crate::engine::rows::RowId;
use crate::engine::show;
use crate::engine::sources::layout::{Reader, as_type};
use crate::fault::Fault;
use crate::engine::sink::HeldRow;
use crate::hir::Over;

/// A column that the files have and no contract declares.
#[derive(Clone, Debug)]
pub struct Extra {
    pub name: String,
    pub ty: DataType,
}

/// Where the files of a layout have an extra column: its position in the scan.
pub type ExtraAt = Option<usize>;

/// A batch divided.
pub struct Routed {
    /// Whether each row is accepted.
    pub kept: BooleanBuffer,
    /// Without the columns that are passed on as they stand in their file.
    pub accepted: RecordBatch,
    pub held: RecordBatch,
    pub marks: Vec<HeldRow>,
}

/// What a rule says of the rows of a batch.
pub(super) struct Verdict {
    /// `None`: not one row.
    pub(super) broken: Option<BooleanBuffer>,
    pub(super) checked: u64,
    pub(super) unknown: u64,
}

/// Where rows are and what they are called.
pub(super) struct Place<'a> {
    file: usize,
    numbers: &'a Int64Array,
}

impl<'a> Place<'a> {
    /// Of a batch of a scan, which has rows.
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let width = batch.num_columns();
        let file = batch.column(width - 2).as_primitive::<UInt32Type>().value(0) as usize;
        Self { file, numbers: batch.column(width - 1).as_primitive::<Int64Type>() }
    }

    pub(super) fn name(&self, row: usize) -> RowId {
        RowId::new(self.file, self.numbers.value(row))
    }
}

#[allow(clippy::too_many_arguments)]
pub fn judge(
    pass: &Pass,
    reader: &Reader,
    extra: &[ExtraAt],
    open: &[bool],
    taken: &[bool],
    known: &mut Dictionaries,
    tallies: &mut Tallies,
    batch: &RecordBatch,
) -> Result<Option<Routed>, Fault> {
    let rows = batch.num_rows();
    let width = batch.num_columns();
    if rows == 0 || width < 2 {
        return Ok(None);
    }
    let place = Place::of(batch);
    let inputs = reader.read_as_scanned(batch, place.file);
    let judgement = &pass.judgement;
    let mut frame = Frame::new(&judgement.program, rows, &inputs);
    tallies.rows += rows as u64;
    // What a rule that holds rows back says of them: for the reasons of the held ones.
    let mut holding: Vec<(usize, BooleanBuffer)> = Vec::new();
    let mut held = BooleanBuffer::new_unset(rows);
    let mut failed: Vec<Option<BooleanBuffer>> = vec![None; judgement.checks.len()];

    // Rules over the table judge what it would hold: they count once it is known what others hold back.
    let mut of_table: Vec<(usize, Masks)> = Vec::new();
    let over_table = |rule: usize| pass.plan.rules[rule].rule.over == Over::Table;
    let marked = pass.sink.is_some() || judgement.checks.iter().any(|check| over_table(check.rule));

    for (i, check) in judgement.checks.iter().enumerate().filter(|(i, _)| open.get(*i).copied().unwrap_or(true)) {
        if over_table(check.rule) {
            let masks = masks(&mut frame, check);
            hold_back(pass.holds[check.rule], check.rule, masks.broken.clone(), &mut held, &mut holding, marked);
            of_table.push((check.rule, masks));
            continue;
        }
        let all_judged = check.after.iter().all(|c| failed[*c].is_none());
        let by_value = if all_judged { known.judge(judgement, i, &inputs, rows) } else { None };
        let verdict = by_value.unwrap_or_else(|| judge_check(&mut frame, check, &failed));
        let hold = pass.holds[check.rule];
        if matches!(check.test, Test::Mapped(_)) && hold {
            failed[i] = verdict.broken.clone().filter(|broken| broken.count_set_bits() > 0);
        }
        note(pass, tallies, check.rule, &place, &verdict);
        hold_back(hold, check.rule, verdict.broken, &mut held, &mut holding, marked);
    }

    let left = !&held;
    for (reference, keys) in judgement.references.iter().zip(&pass.keys) {
        let Some(keys) = keys else { continue };
        let columns: Vec<ArrayRef> = reference.columns.iter().map(|c| frame.get(*c).spread(rows)).collect();
        let live = applies(&mut frame, reference.when, left.clone());
        let live = crate::engine::keys::complete(&columns, live);
        let broken = Some(&live & &!&keys.contains(&columns, rows, |row| place.name(row)));
        let verdict = Verdict { broken, checked: live.count_set_bits() as u64, unknown: 0 };
        note(pass, tallies, reference.rule, &place, &verdict);
        let hold = pass.holds[reference.rule];
        hold_back(hold, reference.rule, verdict.broken, &mut held, &mut holding, marked);
    }
    tallies.held += held.count_set_bits() as u64;

    let left = !&held;
    for (i, unique) in judgement.uniques.iter().enumerate() {
        let columns: Vec<ArrayRef> = unique.by.iter().map(|c| frame.get(*c).spread(rows)).collect();
        let by = unique.keep.map(|(_, node)| frame.get(node).spread(rows));
        let live = applies(&mut frame, unique.when, left.clone());
        let kept = &mut tallies.uniques[i];
        let broken = kept.take(&pass.modes[i], &columns, by.as_ref(), live, |row| place.name(row));
        hold_back(pass.holds[unique.rule], unique.rule, Some(broken), &mut held, &mut holding, marked);
    }

    for (rule, masks) in of_table {
        let others = holding.iter().filter(|(of, _)| *of != rule).map(|(_, rows)| rows);
        let others = others.fold(BooleanBuffer::new_unset(rows), |all, one| &all | one);
        note(pass, tallies, rule, &place, &masks.verdict(rows, Some(others)));
    }

    let left = !&held;
    for (metric, tally) in judgement.metrics.iter().zip(&mut tallies.metrics) {
        tally.update(metric, &mut frame, Some(&left));
    }
    if pass.sink.is_none() {
        return Ok(None);
    }
    route(pass, &mut frame, batch, &inputs, extra, taken, &held, &holding, &place).map(Some)
}

fn hold_back(
    hold: bool,
    rule: usize,
    broken: Option<BooleanBuffer>,
    held: &mut BooleanBuffer,
    holding: &mut Vec<(usize, BooleanBuffer)>,
    write: bool,
) {
    let Some(broken) = broken.filter(|broken| hold && broken.count_set_bits() > 0) else { return };
    *held = &*held | &broken;
    if write {
        holding.push((rule, broken));
    }
}

fn note(pass: &Pass, tallies: &mut Tallies, rule: usize, place: &Place<'_>, verdict: &Verdict) {
    let tally = &mut tallies.rules[rule];
    tally.checked += verdict.checked;
    tally.unknown += verdict.unknown;
    let Some(broken) = &verdict.broken else { return };
    let violations = broken.count_set_bits() as u64;
    if violations > 0 {
        tally.violations += violations;
        broken.set_indices().take(pass.samples).for_each(|row| tally.first.offer(pass.samples, place.name(row)));
    }
}

/// What a check says of the rows of a frame. `failed`: for each check the rows that it holds back.
fn judge_check(frame: &mut Frame<'_>, check: &Check, failed: &[Option<BooleanBuffer>]) -> Verdict {
    let rows = frame.rows;
    let excluded = check.after.iter().filter_map(|c| failed[*c].as_ref());
    let excluded = excluded.fold(None, |all: Option<BooleanBuffer>, one| Some(all.map_or(one.clone(), |a| &a | one)));
    masks(frame, check).verdict(rows, excluded)
}

/// What a check says of each row; no mask of the broken and the unknown means none, of the judged all.
pub(crate) struct Masks {
    pub judged: Option<BooleanBuffer>,
    pub broken: Option<BooleanBuffer>,
    pub unknown: Option<BooleanBuffer>,
}

impl Masks {
    /// Of the rows that are not excluded.
    fn verdict(self, rows: usize, excluded: Option<BooleanBuffer>) -> Verdict {
        let Self { judged, broken, unknown } = self;
        let Some(excluded) = excluded else {
            let unknown = unknown.map_or(0, |u| u.count_set_bits()) as u64;
            let judged = judged.map_or(rows, |j| j.count_set_bits()) as u64;
            return Verdict { broken, checked: judged - unknown, unknown };
        };
        let left = !&excluded;
        let unknown = unknown.map_or(0, |u| (&u & &left).count_set_bits()) as u64;
        let judged = judged.map_or_else(|| left.clone(), |j| &j & &left).count_set_bits() as u64;
        Verdict { broken: broken.map(|b| &b & &left), checked: judged - unknown, unknown }
    }
}

pub(crate) fn masks(frame: &mut Frame<'_>, check: &Check) -> Masks {
    let rows = frame.rows;
    let mut judged: Option<BooleanBuffer> = None;
    let mut broken: Option<BooleanBuffer> = None;
    if let Some(when) = check.when {
        let when = frame.get(when);
        let met = truths(when.spread(rows).as_boolean());
        match errors(&when, rows) {
            Some(errors) => {
                judged = Some(&met | &errors);
                broken = Some(errors);
            }
            None => judged = Some(met),
        }
    }
    let met = |mask: BooleanBuffer, judged: &Option<BooleanBuffer>| match judged {
        Some(judged) => &mask & judged,
        None => mask,
    };
    let mut unknown = None;
    match check.test {
        Test::Mapped(node) => {
            let mapped = frame.get(node);
            if let Some(errors) = errors(&mapped, rows) {
                broken = Some(errors);
            }
        }
        Test::Condition(node) => {
            let condition = frame.get(node);
            let values = condition.values.as_boolean();
            if condition.errors.is_none() && values.null_count() == 0 && !values.has_false() {
                return Masks { judged, broken, unknown };
            }
            let values = condition.spread(rows);
            let values = values.as_boolean();
            let mut fails = falsehoods(values);
            let mut null = values.nulls().filter(|n| n.null_count() > 0).map(|n| !n.inner());
            if let Some(errors) = errors(&condition, rows) {
                fails = &fails | &errors;
                null = null.map(|null| &null & &!&errors);
            }
            if let (Some(mask), true) = (&null, check.nulls_fail) {
                fails = &fails | mask;
                null = None;
            }
            let fails = met(fails, &judged);
            broken = Some(broken.map_or(fails.clone(), |b| &b | &fails));
            // A row whose `when` cannot be computed is broken, not unknown.
            unknown = null.map(|null| &met(null, &judged) & &!broken.as_ref().unwrap_or(&fails));
        }
    }
    Masks { judged, broken, unknown }
}

/// The rows of `live` for which the rule's `when` is true.
fn applies(frame: &mut Frame<'_>, when: Option<crate::engine::expr::NodeId>, live: BooleanBuffer) -> BooleanBuffer {
    let Some(when) = when else { return live };
    let rows = frame.rows;
    let when = frame.get(when);
    let met = &live & &truths(when.spread(rows).as_boolean());
    match errors(&when, rows) {
        Some(errors) => &met & &!&errors,
        None => met,
    }
}

/// The rows that cannot be computed.
fn errors(computed: &Computed, rows: usize) -> Option<BooleanBuffer> {
    computed.errors.as_ref()?;
    Some(BooleanBuffer::collect_bool(rows, |row| computed.error(row) != 0))
}

#[allow(clippy::too_many_arguments)]
fn route(
    pass: &Pass,
    frame: &mut Frame<'_>,
    batch: &RecordBatch,
    inputs: &[Computed],
    extra: &[ExtraAt],
    taken: &[bool],
    held: &BooleanBuffer,
    holding: &[(usize, BooleanBuffer)],
    place: &Place<'_>,
) -> Result<Routed, Fault> {
    let rows = batch.num_rows();
    let spare: Vec<ArrayRef> = pass
        .extra
        .iter()
        .zip(extra)
        .map(|(column, at)| match at.map(|at| batch.column(at)) {
            Some(values) if values.data_type() == &column.ty => Arc::clone(values),
            Some(values) => cast(values, &column.ty).unwrap_or_else(|_| arrow::array::new_null_array(&column.ty, rows)),
            None => arrow::array::new_null_array(&column.ty, rows),
        })
        .collect();
    let judgement = &pass.judgement;
    let odd = |_| Fault::internal("the rows of a batch do not have the columns that they should");
    let clean = (held.count_set_bits() > 0).then(|| chosen(!held));
    let (width, mut given) = (pass.accepted.fields().len(), Vec::new());
    let mut accepted: Vec<ArrayRef> = Vec::new();
    for column in (0..width).filter(|column| !taken.get(*column).copied().unwrap_or(false)) {
        let values = match judgement.columns.get(column) {
            Some(node) => frame.get(*node).spread(rows),
            None => Arc::clone(&spare[column - judgement.columns.len()]),
        };
        given.push(column);
        accepted.push(match &clean {
            Some(clean) => clean.filter(&values).map_err(odd)?,
            None => values,
        });
    }
    let schema = match given.len() == width {
        true => Arc::clone(&pass.accepted),
        false => Arc::new(pass.accepted.project(&given).map_err(odd)?),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(clean.as_ref().map_or(rows, |clean| clean.count())));
    let accepted = RecordBatch::try_new_with_options(schema, accepted, &options).map_err(odd)?;
    let kept = !held;
    if clean.is_none() {
        let none = RecordBatch::new_empty(Arc::clone(&pass.held));
        return Ok(Routed { kept, accepted, held: none, marks: Vec::new() });
    }
    let of_held = chosen(held.clone());
    let mut source: Vec<ArrayRef> = Vec::with_capacity(inputs.len() + spare.len());
    for (input, column) in inputs.iter().zip(&pass.plan.source) {
        let values = of_held.filter(&input.spread(rows)).map_err(odd)?;
        source.push(as_type(&values, &column.ty));
    }
    for values in &spare {
        source.push(of_held.filter(values).map_err(odd)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(of_held.count()));
    let source = RecordBatch::try_new_with_options(Arc::clone(&pass.held), source, &options).map_err(odd)?;
    let path = pass.files.get(place.file).cloned().unwrap_or_else(|| Arc::from(""));
    let names: Vec<Arc<str>> = holding.iter().map(|(r, _)| Arc::from(pass.plan.rules[*r].rule.name.as_str())).collect();
    let mark = |row: usize| {
        let reasons = holding.iter().zip(&names).filter(|((_, broken), _)| broken.value(row));
        let reasons = reasons.map(|((rule, _), name)| {
            (Arc::clone(name), show::reason(&pass.plan, judgement, *rule, frame, row))
        });
        let number = u64::try_from(place.numbers.value(row)).unwrap_or(0) + 1;
        HeldRow { file: Arc::clone(&path), row: number, reasons: reasons.collect() }
    };
    let marks = held.set_indices().map(mark).collect();
    Ok(Routed { kept, accepted, held: source, marks })
}

fn chosen(rows: BooleanBuffer) -> FilterPredicate {
    FilterBuilder::new(&BooleanArray::new(rows, None)).optimize().build()
}
