//! The meaning of expressions, small enough to read: interprets checked expressions over literal rows.
