//! What happened, as Delta tables: runs, results, batches.
