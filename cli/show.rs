//! Tables, sizes and bars.

use std::io::{IsTerminal, Write};

/// Bytes as people read them.
pub fn bytes(n: usize) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} KB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

/// Columns as wide as their widest cell; the first to the left, the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(
                |(i, cell)| {
                    if i == 0 { format!("{cell:<w$}", w = widths[i]) } else { format!("{cell:>w$}", w = widths[i]) }
                },
            )
            .collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out
}

/// A bar on a terminal's standard error; nothing elsewhere.
pub struct Bar {
    what: &'static str,
    shown: bool,
}

impl Bar {
    pub fn new(what: &'static str) -> Self {
        Bar { what, shown: std::io::stderr().is_terminal() }
    }

    pub fn set(&mut self, done: usize, total: usize) {
        if self.shown {
            let full = done * 30 / total.max(1);
            // Where it cannot be shown, the work goes on.
            let _ = write!(std::io::stderr(), "\r{} [{:<30}] {done}/{total}", self.what, "#".repeat(full));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
