//! WGSL from `shaders/` as it is embedded: without comments and indentation, which every visitor would download.

/// The text of `shaders/<name>.wgsl`, made shorter at compile time. Every line stays on its line, so that what a compiler says about
/// one fits the file.
macro_rules! wgsl {
    ($($name:expr),+) => {{
        const FILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $($name,)+ ".wgsl"));
        const BYTES: [u8; $crate::gpu::source::length(FILE)] = $crate::gpu::source::shorten(FILE);
        const TEXT: &str = match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("only whole ASCII characters were left out"),
        };
        TEXT
    }};
}
pub(in crate::gpu) use wgsl;

/// How many bytes [`shorten`] leaves.
pub(super) const fn length(text: &str) -> usize {
    walk(text.as_bytes(), &mut [])
}

/// A shader without comments, which are all `// ...`, and without blanks at the ends of lines. `N`: its [`length`].
pub(super) const fn shorten<const N: usize>(text: &str) -> [u8; N] {
    let mut short = [0; N];
    walk(text.as_bytes(), &mut short);
    short
}

/// Writes what is to stay to `out`, as far as there is room; how much it was.
const fn walk(text: &[u8], out: &mut [u8]) -> usize {
    let (mut i, mut n) = (0, 0);
    while i < text.len() {
        let mut end = i;
        let mut comment = text.len();
        while end < text.len() && text[end] != b'\n' {
            if comment > end && text[end] == b'/' && end + 1 < text.len() && text[end + 1] == b'/' {
                comment = end;
            }
            end += 1;
        }
        let mut last = if comment < end { comment } else { end };
        while last > i && blank(text[last - 1]) {
            last -= 1;
        }
        while i < last && blank(text[i]) {
            i += 1;
        }
        while i < last {
            if n < out.len() {
                out[n] = text[i];
            }
            (i, n) = (i + 1, n + 1);
        }
        if end < text.len() {
            if n < out.len() {
                out[n] = b'\n';
            }
            n += 1;
        }
        i = end + 1;
    }
    n
}

const fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t' || byte == b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_lines_stay() {
        const FILE: &str = "// what it is: é\n\nfn f() -> u32 { // why\n\t  return 6u / 2u;  \r\n    // a // b\n}";
        const SHORT: &str = "\n\nfn f() -> u32 {\nreturn 6u / 2u;\n\n}";
        let short: [u8; length(FILE)] = shorten(FILE);
        assert_eq!(std::str::from_utf8(&short), Ok(SHORT));
        assert!(shorten::<0>("").is_empty());
        assert_eq!(shorten::<1>("  //\n"), *b"\n");
    }
}
