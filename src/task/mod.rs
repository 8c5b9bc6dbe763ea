//! What people ask for: generate, summarize.
