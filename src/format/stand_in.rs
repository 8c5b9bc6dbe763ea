//! What lies where a file should be.

/// What a server or a tool has left in a file's place, where the first bytes show it.
pub fn stand_in(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.trim_ascii_start();
    if bytes.is_empty() {
        Some("an empty file")
    } else if start.starts_with(b"<") {
        Some("an HTML page (an error page of the server?)")
    } else if start.starts_with(b"version https://git-lfs") {
        Some("a Git LFS pointer: the file itself has to be fetched")
    } else {
        None
    }
}
