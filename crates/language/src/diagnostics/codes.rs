//! The registry of findings. A code is never reused; each has a page with a failing and a fixed example,
//! which a test compiles.
//!
//! 01 syntax · 02 names · 03 types · 04 rules, grain and null · 05 what is known without data ·
//! 06 promotions and layers · 07 rule tests · 08 versions · 09 the project and its files

use super::Severity;

macro_rules! codes {
    ($($code:ident $severity:ident $title:literal)*) => {
        /// A stable name for a kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $title] $code),* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$code),*];

            pub fn name(self) -> &'static str {
                match self { $(Code::$code => stringify!($code)),* }
            }

            pub fn severity(self) -> Severity {
                match self { $(Code::$code => Severity::$severity),* }
            }

            /// What the kind is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$code => $title),* }
            }

            /// The page that `dqc explain` shows.
            pub fn page(self) -> &'static str {
                match self { $(Code::$code => include_str!(concat!("codes/", stringify!($code), ".md"))),* }
            }
        }
    };
}

impl Code {
    pub fn find(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|c| c.name().eq_ignore_ascii_case(name))
    }
}

codes! {
    DQ0101 Error "the text cannot be read at this place"
    DQ0102 Error "a word that does not belong there"
    DQ0103 Error "a brace is missing or left over"
    DQ0104 Error "a quote or a comment is not closed"
    DQ0105 Error "the text is nested too deeply"
    DQ0106 Error "a parenthesis is not closed, or closes nothing"
    DQ0107 Error "a colon is missing after a name"
    DQ0108 Error "a colon stands where none belongs"
    DQ0109 Error "a comma or semicolon stands where none belongs"
    DQ0110 Error "an operator of another language"
    DQ0111 Error "comparisons do not chain"
    DQ0112 Error "a clause of SQL's table definitions"
    DQ0113 Error "a type with a size"
    DQ0114 Error "a subquery in an expression"
    DQ0115 Error "a window function"
    DQ0116 Error "a word of SQL as a name"
    DQ0117 Error "a percentage or a remainder, but which"
    DQ0118 Error "an unknown unit of time"
    DQ0119 Error "a row that does not fit its table"
    DQ0120 Error "typographic quotes"
    DQ0121 Error "a case without its end"
    DQ0122 Error "a comma after the last of a list"
    DQ0123 Error "a version is missing or malformed"
    DQ0124 Error "two minus signs in a row"
    DQ0125 Error "an unknown action for a broken rule"
    DQ0126 Error "a sign of another language"
    DQ0127 Error "an unknown escape in a text"
    DQ0128 Error "a number or time that does not exist"
    DQ0129 Error "a rule without a name"
    DQ0130 Error "the file is not a text"
    DQ0201 Error "a name that is not declared"
    DQ0202 Error "a function that is not known"
    DQ0203 Error "a type that is not known"
    DQ0204 Error "a dataset without a contract"
    DQ0205 Error "`use` of what is not there"
    DQ0206 Error "declared twice"
    DQ0207 Error "two names that differ only in upper and lower case"
    DQ0208 Error "defined by itself"
    DQ0209 Error "a rule set that is not known"
    DQ0210 Error "a calendar that is not known"
    DQ0211 Error "a time zone that does not exist"
    DQ0212 Error "a rule that is not there"
    DQ0213 Error "a field that the struct does not have"
    DQ0214 Error "not one of the words that can stand there"
    DQ0301 Error "values of types that do not go together"
    DQ0302 Error "an operator that does not take such values"
    DQ0303 Error "a function that does not take such values"
    DQ0304 Error "a function with too many or too few values"
    DQ0305 Error "not a condition"
    DQ0306 Error "another system's name of a type"
    DQ0307 Error "a decimal that cannot be"
    DQ0308 Error "a constant that cannot be read"
    DQ0309 Error "a number out of range"
    DQ0310 Error "a time zone is needed"
    DQ0311 Error "a cast that is not possible"
    DQ0312 Error "no fields or elements here"
    DQ0313 Error "a regular expression that is not valid"
    DQ0314 Error "a function that gives another type than it says"
    DQ0315 Error "a length of time that has no fixed length"
    DQ0316 Error "a comparison with null"
    DQ0317 Warning "text that is spelled like a column"
    DQ0318 Error "a list of values where it does not belong"
    DQ0319 Warning "a star in `like`"
    DQ0401 Error "a row's value beside a batch's"
    DQ0402 Error "an aggregate inside an aggregate"
    DQ0403 Warning "what null means is not said"
    DQ0404 Error "no rows that could be quarantined"
    DQ0405 Error "actions out of order"
    DQ0406 Error "a threshold that counts what is not there"
    DQ0407 Error "a modifier that does not go with the rule"
    DQ0408 Error "nothing of that name to show in a message"
    DQ0409 Error "`unique` inside a condition"
    DQ0410 Error "rows that cannot be read from here"
    DQ0411 Error "a value of each row is wanted"
    DQ0412 Error "a key that may be null"
    DQ0413 Error "said twice"
    DQ0414 Warning "a reference to what is not unique"
    DQ0415 Error "lists of different lengths"
    DQ0416 Error "past batches used otherwise"
    DQ0417 Error "not a service level"
    DQ0418 Error "a rule in SQL that is not one `select`"
    DQ0419 Error "what only aggregates take"
    DQ0501 Error "nothing can satisfy the rule"
    DQ0502 Error "two rules contradict each other"
    DQ0503 Warning "other rules say this already"
    DQ0504 Warning "a rule is written twice"
    DQ0505 Warning "nothing can break the rule"
    DQ0506 Warning "a `when` that no row meets"
    DQ0507 Warning "a `when` that every row meets"
    DQ0508 Warning "a threshold that can never act"
    DQ0509 Error "a constant outside an enumerated type"
    DQ0510 Error "a pattern that no text matches"
    DQ0511 Error "the source cannot satisfy the target"
    DQ0512 Note "the source's contract sees to the rule already"
    DQ0513 Error "against the order of the layers"
    DQ0514 Note "a promotion leaves a layer out"
    DQ0515 Error "due before its source has to be there"
    DQ0516 Warning "a budget that can never be used up"
    DQ0517 Note "a message shows a personal value, masked"
    DQ0518 Error "a message would show a secret"
    DQ0519 Warning "a past that is not kept"
    DQ0520 Note "more rules than are held against one another"
    DQ0601 Error "two promotions into one dataset"
    DQ0602 Error "a column of the target that gets no value"
    DQ0603 Error "a mapping of another type"
    DQ0604 Error "a mapping that looks at more than its row"
    DQ0605 Error "a merge without a key"
    DQ0606 Error "promotions in a circle"
    DQ0607 Error "not a dataset of the project's layers"
    DQ0608 Error "a merge by more than a column"
    DQ0701 Error "a row that the test does not have"
    DQ0702 Error "a cell of another type"
    DQ0711 Error "a rule holds that a test expects to break"
    DQ0712 Error "a rule breaks that a test expects to hold"
    DQ0713 Error "a rule breaks for other rows than a test expects"
    DQ0714 Error "a test's rule is not evaluated"
    DQ0715 Error "a rule is evaluated where a test expects that it is not"
    DQ0716 Warning "a change of a rule that no test notices"
    DQ0717 Warning "a rule that no test names"
    DQ0718 Error "a rule is not unknown for the rows that a test expects"
    DQ0801 Warning "breaks those who deliver"
    DQ0802 Warning "breaks those who read"
    DQ0803 Warning "whether it breaks somebody cannot be told"
    DQ0804 Note "a change that breaks nobody"
    DQ0805 Error "the version number does not fit the changes"
    DQ0901 Error "`dqc.toml` is not TOML"
    DQ0902 Error "a key that `dqc.toml` does not know"
    DQ0903 Error "a value that cannot stand there"
    DQ0904 Error "a key is missing in `dqc.toml`"
    DQ0905 Error "a secret stands in `dqc.toml`"
    DQ0906 Error "a file cannot be read"
}
