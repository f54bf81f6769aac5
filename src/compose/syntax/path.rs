//! Paths as text, as Go's `path` and `filepath` treat them: nothing is looked up on a disk.

/// The shortest path that means the same: no empty, `.` or resolvable `..` part; `.` for an empty path.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// Both paths joined and cleaned.
pub fn join(base: &str, path: &str) -> String {
    match (base, path) {
        ("", path) => clean(path),
        (base, "") => clean(base),
        (base, path) => clean(&format!("{base}/{path}")),
    }
}

/// The way from one absolute folder to another path, as Go's `filepath.Rel`.
pub fn relative(from: &str, to: &str) -> String {
    let (from, to) = (clean(from), clean(to));
    let parts = |path: &str| path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(&from), parts(&to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| "..");
    clean(&up.chain(to[shared..].iter().map(String::as_str)).collect::<Vec<_>>().join("/"))
}

/// `~` and what follows it, under the home folder; the path as it is without a home folder or a tilde. A tilde with a
/// name after it is not another user's home, as Compose has it: `~bob` is `bob` in the own home.
pub fn expand_home(path: &str, home: Option<&str>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) => join(home, rest),
        _ => path.into(),
    }
}

/// Whether a path is absolute on Windows: a drive letter with a slash, or a share.
pub fn is_windows_absolute(path: &str) -> bool {
    let is_slash = |b: u8| b == b'/' || b == b'\\';
    let b = path.as_bytes();
    if b.len() >= 3 && b[0].is_ascii_alphabetic() && b[1] == b':' {
        return is_slash(b[2]);
    }
    // `\\server\share\…`: neither name is empty or starts with a dot.
    if b.len() < 5 || !is_slash(b[0]) || !is_slash(b[1]) || is_slash(b[2]) || b[2] == b'.' {
        return false;
    }
    let Some(server_end) = b[3..].iter().position(|c| is_slash(*c)).map(|at| at + 3) else { return false };
    match b.get(server_end + 1) {
        None => false,
        Some(c) if is_slash(*c) || *c == b'.' => false,
        Some(_) => b[server_end + 1..].iter().any(|c| is_slash(*c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_and_joins_as_go() {
        for (path, cleaned) in [
            ("", "."),
            ("/", "/"),
            ("/a//b/../c/", "/a/c"),
            ("a/..", "."),
            ("../a", "../a"),
            ("/..", "/"),
            ("./a/.", "a"),
            ("../../a", "../../a"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
        assert_eq!(join("/srv/app", "../x"), "/srv/x");
        assert_eq!(join("/srv/app", "."), "/srv/app");
    }

    #[test]
    fn ways_between_folders() {
        for (from, to, way) in
            [("/a", "/a", "."), ("/a", "/a/b/c", "b/c"), ("/a/b", "/a/c", "../c"), ("/", "/x/../y", "y")]
        {
            assert_eq!(relative(from, to), way, "{from} {to}");
        }
    }

    #[test]
    fn homes_and_drives() {
        assert_eq!(expand_home("~/x", Some("/root")), "/root/x");
        assert_eq!(expand_home("~bob", Some("/root")), "/root/bob");
        assert_eq!(expand_home("~/x", None), "~/x");
        assert!(is_windows_absolute(r"c:\a") && is_windows_absolute(r"\\srv\share\x"));
        assert!(!is_windows_absolute("c:a") && !is_windows_absolute("/a/b/c"));
    }
}
