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
    DQ0901 Error "`dqc.toml` is not TOML"
    DQ0902 Error "a key that `dqc.toml` does not know"
    DQ0903 Error "a value that cannot stand there"
    DQ0904 Error "a key is missing in `dqc.toml`"
    DQ0905 Error "a secret stands in `dqc.toml`"
    DQ0906 Error "a file cannot be read"
}
