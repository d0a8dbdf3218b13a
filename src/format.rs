//! One style: text to text, written only if it parses to the same tree.
