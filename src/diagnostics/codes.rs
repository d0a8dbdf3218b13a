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
