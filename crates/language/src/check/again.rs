//! Checking again after a change. What a change cannot have reached is taken over from the check before: a contract,
//! promotion or test of which neither the text nor anything that it sees has changed, and what is known without data of
//! one that came out the same.
//!
//! Others see of a text its definitions and its contracts' columns. While those stay as they are, only the items are
//! checked whose own text is new, with the promotions and tests of the same datasets; after another change all are.

mod layout;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use rayon::prelude::*;

use super::directory::Directory;
use super::known;
use super::spread::Made;
use super::{Checker, Reads};
use crate::diagnostics::{Diagnostic, Severity};
use crate::hir::places::Visit;
use crate::hir::{Calendar, Checked, Contract, Promotion, Test};
use crate::resolve::fold;
use crate::source::{FileId, Span};

pub use layout::Layout;
use layout::Moves;

/// A checked project, and what is needed to check it again.
#[derive(Default)]
pub struct Known {
    pub checked: Checked,
    /// What was found in no contract, promotion or test.
    pub common: Vec<Diagnostic>,
    /// In the order of the contracts.
    contracts: Vec<Note>,
    /// In the order of the text.
    promotions: Vec<Note>,
    /// In the order of the text; more than the tests that can be run.
    tests: Vec<Note>,
    /// What deadlines say about one another; `None`: not looked at yet.
    deadlines: Option<Vec<Diagnostic>>,
    layers: Vec<String>,
    layouts: Vec<Arc<Layout>>,
    /// Some piece decided what was found in later ones: none of them stands by itself.
    in_order: bool,
}

/// What was found in a piece.
#[derive(Default)]
pub struct Note {
    /// The dataset in lower case; of a promotion the target.
    name: String,
    item: Span,
    own: u64,
    found: Vec<Diagnostic>,
    /// What is known of it without data; `None`: not looked at yet.
    facts: Option<Vec<Diagnostic>>,
    /// Datasets that it reads.
    pub reads: Reads,
    /// The files in which its places are.
    files: Vec<FileId>,
    bound: bool,
    /// Some of its places are gone.
    lost: bool,
    made: bool,
}

pub struct Piece<R> {
    pub made: R,
    pub note: Note,
}

/// A thing with places in the text.
pub trait Placed {
    fn each_place(&mut self, f: &mut Visit<'_>);
}

impl Placed for Contract {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        Contract::each_place(self, f);
    }
}

impl Placed for Promotion {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        Promotion::each_place(self, f);
    }
}

impl Placed for Option<Test> {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        self.iter_mut().for_each(|t| t.each_place(f));
    }
}

/// The pieces of one kind of the check before.
pub struct Old<R> {
    by_text: HashMap<(FileId, u64), VecDeque<Piece<R>>>,
    /// Whether a piece of the same text can be the same.
    keeps: bool,
}

impl<R> Default for Old<R> {
    fn default() -> Self {
        Old { by_text: HashMap::new(), keeps: false }
    }
}

impl<R> Old<R> {
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl<R: Placed> Old<R> {
    fn new(pieces: impl Iterator<Item = Piece<R>>, moves: &HashMap<FileId, Moves>, keeps: bool) -> Self {
        let mut by_text: HashMap<_, VecDeque<_>> = HashMap::new();
        for mut piece in pieces {
            piece.move_by(moves);
            by_text.entry((piece.note.item.file, piece.note.own)).or_default().push_back(piece);
        }
        Old { by_text, keeps }
    }

    fn find(&mut self, item: Span, own: u64) -> Option<Piece<R>> {
        let queue = self.by_text.get_mut(&(item.file, own))?;
        let at = queue.iter().position(|p| p.note.item == item && !p.note.bound && !p.note.lost)?;
        queue.remove(at)
    }

    fn put_back(&mut self, piece: Piece<R>) {
        self.by_text.entry((piece.note.item.file, piece.note.own)).or_default().push_back(piece);
    }
}

impl<R: Placed> Piece<R> {
    fn each_place(&mut self, f: &mut Visit<'_>) {
        self.made.each_place(f);
        f(&mut self.note.item);
        self.note.reads.iter_mut().for_each(|(_, span)| f(span));
        self.note.found.iter_mut().chain(self.note.facts.iter_mut().flatten()).for_each(|d| d.each_place(f));
    }

    fn move_by(&mut self, moves: &HashMap<FileId, Moves>) {
        if !self.note.files.iter().any(|f| moves.contains_key(f)) {
            return;
        }
        let mut lost = false;
        self.each_place(&mut |span| {
            let Some(moves) = moves.get(&span.file) else { return };
            match moves.of(*span) {
                Some(moved) => *span = moved,
                None => lost = true,
            }
        });
        self.note.lost |= lost;
    }

    fn look_where(&mut self) {
        let mut files = Vec::new();
        self.each_place(&mut |span| {
            if !files.contains(&span.file) {
                files.push(span.file);
            }
        });
        self.note.files = files;
    }
}

/// The check before, in pieces.
#[derive(Default)]
pub struct Before {
    pub contracts: Old<Contract>,
    pub promotions: Old<Promotion>,
    pub tests: Old<Option<Test>>,
    calendars: Vec<Calendar>,
    deadlines: Option<Vec<Diagnostic>>,
}

impl Before {
    /// `layouts` are those of the texts as they are now, by file.
    pub fn of(known: Known, layouts: &[Arc<Layout>], layers: &[String]) -> Self {
        if known.layouts.len() != layouts.len() || known.layers != layers {
            return Before::default();
        }
        let changed = known.layouts.iter().zip(layouts).enumerate().filter(|(_, (old, new))| !Arc::ptr_eq(old, new));
        let mut keeps = !known.in_order;
        let mut moves = HashMap::new();
        for (at, (old, new)) in changed {
            keeps &= old.surroundings == new.surroundings;
            moves.insert(FileId(u32::try_from(at).unwrap_or(u32::MAX)), Moves::between(old, new));
        }
        let Checked { contracts, promotions, calendars, tests } = known.checked;
        let contracts = known.contracts.into_iter().zip(contracts).map(|(note, made)| Piece { note, made });
        let mut by_target: HashMap<String, Promotion> = promotions.into_iter().map(|p| (fold(&p.to), p)).collect();
        let promotions = known.promotions.into_iter().filter_map(|note| Some(Piece { made: by_target.remove(&note.name)?, note }));
        let mut tests = tests.into_iter();
        let tests = known.tests.into_iter().map(|note| Piece { made: if note.made { tests.next() } else { None }, note });
        let deadlines = known.deadlines.and_then(|mut found| {
            let mut lost = false;
            let mut moved = |span: &mut Span| match moves.get(&span.file).map(|m| m.of(*span)) {
                Some(Some(to)) => *span = to,
                Some(None) => lost = true,
                None => {}
            };
            found.iter_mut().for_each(|d| d.each_place(&mut moved));
            (!lost).then_some(found)
        });
        Before {
            contracts: Old::new(contracts, &moves, keeps),
            promotions: Old::new(promotions, &moves, keeps),
            tests: Old::new(tests, &moves, keeps),
            calendars,
            deadlines,
        }
    }
}

/// The pieces of one kind as they are now.
pub struct Now<R> {
    pub pieces: Vec<Piece<R>>,
    /// Names of pieces that were checked, or that are there no more.
    pub touched: HashSet<String>,
    /// Names of those among them that are not what they were.
    changed: HashSet<String>,
    /// As they were.
    replaced: Vec<R>,
}

impl<'a> Checker<'a> {
    /// Checks the items of one kind, but for those that can be taken over.
    ///
    /// `named` gives an item's name and place, `may` says whether what it sees beside the definitions and columns is
    /// as it was.
    pub fn pieces<T: Sync, R: Placed + PartialEq + Send>(
        &mut self,
        items: &[T],
        mut old: Old<R>,
        named: impl Fn(&T) -> (String, Span),
        may: impl Fn(&T) -> bool,
        each: impl Fn(&mut Checker<'a>, &T) -> (R, Reads) + Sync,
    ) -> Now<R> {
        let layouts = self.layouts;
        let own = |item: Span| layouts.get(item.file.0 as usize).and_then(|l| l.block(item.start)).map_or(0, |b| b.own);
        let mut kept: Vec<Option<Piece<R>>> = Vec::with_capacity(items.len());
        for item in items {
            let (_, span) = named(item);
            let keeps = old.keeps && !self.in_order && may(item);
            kept.push(if keeps { old.find(span, own(span)) } else { None });
        }
        let wanted: Vec<&T> = items.iter().zip(&kept).filter(|(_, k)| k.is_none()).map(|(item, _)| item).collect();
        let all = wanted.len() == items.len();
        let state = (!all).then(|| (self.broken.clone(), self.zones_offered.clone(), self.nulls_asked.clone(), self.too_deep));
        let broken = self.broken.len();
        let mut made = self.spread(&wanted, &|checker: &mut Checker<'a>, item: &&T| each(checker, item));
        if self.broken.len() > broken {
            self.in_order = true;
            if let Some(state) = state {
                (self.broken, self.zones_offered, self.nulls_asked, self.too_deep) = state;
                kept.iter_mut().filter_map(Option::take).for_each(|piece| old.put_back(piece));
                made = self.spread(items, &each);
            }
        }
        let mut made = made.into_iter();
        let mut now = Now { pieces: Vec::with_capacity(items.len()), touched: HashSet::new(), changed: HashSet::new(), replaced: Vec::new() };
        let mut before: HashMap<String, Piece<R>> =
            old.by_text.into_values().flatten().map(|p| (p.note.name.clone(), p)).collect();
        now.touched.extend(before.keys().cloned());
        for (item, kept) in items.iter().zip(kept) {
            if let Some(piece) = kept {
                now.pieces.push(piece);
                continue;
            }
            let (name, span) = named(item);
            let Some(Made { made: (made, reads), found, bound }) = made.next() else { break };
            let note = Note { name, item: span, own: own(span), found, reads, bound, ..Note::default() };
            let mut piece = Piece { made, note };
            if !layouts.is_empty() {
                piece.look_where();
                now.touched.insert(piece.note.name.clone());
                match before.remove(&piece.note.name) {
                    Some(old) if !old.note.lost && old.made == piece.made => {
                        let mut places = piece.note.files;
                        places.extend(old.note.files.iter().filter(|f| !places.contains(f)).copied().collect::<Vec<_>>());
                        piece.note.files = places;
                        piece.note.facts = old.note.facts;
                    }
                    old => {
                        now.replaced.extend(old.map(|o| o.made));
                        now.changed.insert(piece.note.name.clone());
                    }
                }
            }
            now.pieces.push(piece);
        }
        now.changed.extend(before.keys().cloned());
        now.replaced.extend(before.into_values().map(|p| p.made));
        now
    }

    /// Puts the pieces together.
    pub fn known(
        &mut self,
        contracts: Now<Contract>,
        promotions: (Vec<Note>, Vec<Promotion>),
        changed_promotions: HashSet<String>,
        tests: Now<Option<Test>>,
        calendars: Vec<Calendar>,
        before: (Vec<Calendar>, Option<Vec<Diagnostic>>),
    ) -> Known {
        let mut known = Known { layers: self.layers.to_vec(), layouts: self.layouts.to_vec(), in_order: self.in_order, ..Known::default() };
        let promises = |c: &Contract| !c.sla.is_empty();
        let same_days = |a: &Calendar, b: &Calendar| a.name == b.name && a.base == b.base && a.except == b.except;
        let mut timely = changed_promotions.is_empty()
            && !contracts.replaced.iter().any(promises)
            && before.0.len() == calendars.len()
            && before.0.iter().zip(&calendars).all(|(a, b)| same_days(a, b));
        for mut piece in contracts.pieces {
            timely &= !(contracts.changed.contains(&piece.note.name) && promises(&piece.made));
            piece.note.made = true;
            known.contracts.push(piece.note);
            known.checked.contracts.push(piece.made);
        }
        known.deadlines = before.1.filter(|_| timely);
        for piece in tests.pieces {
            known.tests.push(Note { made: piece.made.is_some(), ..piece.note });
            known.checked.tests.extend(piece.made);
        }
        known.checked.calendars = calendars;
        (known.promotions, known.checked.promotions) = promotions;
        // What is known of a promotion is known from the contracts at its two ends.
        let sources: HashMap<String, String> = known.checked.promotions.iter().map(|p| (fold(&p.to), fold(&p.from))).collect();
        for note in &mut known.promotions {
            let source = sources.get(&note.name);
            let reached = |changed: &HashSet<String>| changed.contains(&note.name) || source.is_some_and(|s| changed.contains(s));
            if reached(&contracts.changed) || reached(&changed_promotions) {
                note.facts = None;
            }
        }
        known
    }
}

impl<R> Now<R> {
    pub fn changed(&mut self) -> HashSet<String> {
        std::mem::take(&mut self.changed)
    }
}

impl Before {
    pub fn times(&mut self) -> (Vec<Calendar>, Option<Vec<Diagnostic>>) {
        (std::mem::take(&mut self.calendars), self.deadlines.take())
    }
}

impl Known {
    fn notes(&self) -> impl Iterator<Item = &Note> {
        self.contracts.iter().chain(&self.promotions).chain(&self.tests)
    }

    /// How many rules have not been looked at for what is known without data; 0: everything has been.
    pub fn open_questions(&self) -> usize {
        let contracts = self.contracts.iter().zip(&self.checked.contracts).filter(|(n, _)| n.facts.is_none());
        let promotions = self.promotions.iter().filter(|n| n.facts.is_none()).count();
        contracts.map(|(_, c)| 1 + c.rules.len()).sum::<usize>() + promotions + usize::from(self.deadlines.is_none())
    }

    /// Finds out what is not known yet; false where `stop` said so before the end. It is asked after every so many rules.
    pub fn settle(&mut self, at_once: usize, stop: &mut dyn FnMut() -> bool) -> bool {
        let Known { checked, contracts, promotions, deadlines, layers, .. } = self;
        let directory = &Directory::of(checked);
        let mut open: Vec<(&mut Note, &Contract)> =
            contracts.iter_mut().zip(&checked.contracts).filter(|(n, _)| n.facts.is_none()).collect();
        while !open.is_empty() {
            if stop() {
                return false;
            }
            let mut rules = 0;
            let next = open.iter().position(|(_, c)| {
                rules += c.rules.len();
                rules > at_once
            });
            let mut rest = open.split_off(next.map_or(open.len(), |n| n + 1));
            known::side_by_side(&mut open, |(note, contract)| note.facts = Some(known::of_contract(contract, layers)));
            std::mem::swap(&mut open, &mut rest);
        }
        let mut open: Vec<&mut Note> = promotions.iter_mut().filter(|n| n.facts.is_none()).collect();
        let by_target: HashMap<String, &Promotion> = checked.promotions.iter().map(|p| (fold(&p.to), p)).collect();
        for part in open.chunks_mut(at_once) {
            if stop() {
                return false;
            }
            known::side_by_side(part, |note| {
                note.facts = by_target.get(&note.name).map(|p| known::of_promotion(p, directory, layers));
            });
        }
        if deadlines.is_none() {
            let of = |p: &Promotion| known::of_deadlines(p, directory, &checked.calendars);
            *deadlines = Some(match checked.promotions.len() {
                0..known::FEW => checked.promotions.iter().flat_map(of).collect(),
                _ => checked.promotions.par_iter().flat_map_iter(of).collect(),
            });
        }
        true
    }

    /// All that is known now, in no order.
    pub fn findings(&self) -> impl Iterator<Item = Diagnostic> {
        let directory = Directory::of(&self.checked);
        let found = || self.common.iter().chain(self.notes().flat_map(|n| &n.found));
        let whole = !found().any(|d| d.severity == Severity::Error);
        let caps: Vec<Diagnostic> = match whole {
            true => self.checked.contracts.iter().flat_map(|c| known::of_caps(c, &directory)).collect(),
            false => Vec::new(),
        };
        let facts = self.notes().flat_map(|n| n.facts.iter().flatten()).chain(self.deadlines.iter().flatten());
        found().chain(facts).cloned().chain(caps)
    }

    /// As [`Known::findings`], with what was checked, for whoever does not check again.
    pub fn into_parts(self) -> (Checked, Vec<Diagnostic>) {
        let found = self.findings().collect();
        (self.checked, found)
    }
}

