//! Findings as text with the source beside them; the only user of ariadne.
