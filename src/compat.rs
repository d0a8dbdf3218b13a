//! Two revisions of a contract: what breaks, for whom, with an example row.
