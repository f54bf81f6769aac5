//! The patterns of a `.dockerignore`, which exclude paths from a build context.
//!
//! Source: `moby/patternmatcher`. A pattern is a path of the context; `*` and `?` match within one part of it, `[…]`
//! matches one character, `**` any number of parts. `!` negates a pattern, the last match wins, and every path below a
//! match matches too.
//! Each pattern becomes a regular expression as it does there, so the time that a match takes grows with the pattern
//! and the path, never with the number of ways in which they could fit.

use regex_lite::Regex;

/// The patterns of one file.
pub struct Ignore(Vec<Pattern>);

struct Pattern {
    matcher: Matcher,
    takes_back: bool,
}

/// How a pattern is compared with a path, as `patternmatcher` distinguishes it.
enum Matcher {
    /// The path is this text.
    Exact(String),
    /// The path begins with this text: `folder/**`.
    Prefix(String),
    /// The path ends with this text, or is it without its leading slash: `**/name`.
    Suffix(String),
    /// Everything else.
    Expression(Regex),
}

impl Ignore {
    /// Reads the file's text. A pattern that Docker refuses, such as an open `[`, matches nothing.
    pub fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines();
        Self(lines.filter(|line| !line.starts_with('#')).filter_map(|line| Pattern::parse(line.trim())).collect())
    }

    /// Whether a path, relative to the context, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let ancestors = path.match_indices('/').map(|(at, _)| &path[..at]);
        let paths: Vec<&str> = ancestors.chain([path]).collect();
        let covers = |pattern: &Pattern| paths.iter().any(|path| pattern.matcher.matches(path));
        self.0.iter().fold(false, |out, pattern| if covers(pattern) { !pattern.takes_back } else { out })
    }

    /// Whether something below a folder that is left out may be taken back.
    pub fn takes_back(&self) -> bool {
        self.0.iter().any(|pattern| pattern.takes_back)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let (line, takes_back) = line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true));
        let path = clean(line);
        if path.is_empty() {
            return None;
        }
        Some(Self { matcher: Matcher::compile(&path)?, takes_back })
    }
}

/// A path without empty parts, `.` and the `..` that can be resolved, and without its leading slash, as Go's
/// `filepath.Clean` has it.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", None) if path.starts_with('/') => {}
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            (part, _) => parts.push(part),
        }
    }
    parts.join("/")
}

impl Matcher {
    fn compile(pattern: &str) -> Option<Self> {
        let is_literal = |text: &str| !text.contains(['*', '?', '[', ']', '\\']);
        if is_literal(pattern) {
            return Some(Matcher::Exact(pattern.to_owned()));
        }
        if let Some(suffix) = pattern.strip_prefix("**").filter(|rest| is_literal(rest)) {
            return Some(Matcher::Suffix(suffix.to_owned()));
        }
        if let Some(prefix) = pattern.strip_suffix("**").filter(|rest| is_literal(rest)) {
            return Some(Matcher::Prefix(prefix.to_owned()));
        }
        Regex::new(&expression(pattern)).ok().map(Matcher::Expression)
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Matcher::Exact(text) => path == text,
            Matcher::Prefix(text) => path.starts_with(text),
            Matcher::Suffix(text) => path.ends_with(text) || text.strip_prefix('/').is_some_and(|name| path == name),
            Matcher::Expression(expression) => expression.is_match(path),
        }
    }
}

/// The regular expression of a pattern.
fn expression(pattern: &str) -> String {
    let mut out = "(?s)^".to_owned();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                // The slash belongs to it: `**/` matches no part at all, too.
                rest.next_if_eq(&'/');
                out += if rest.peek().is_none() { ".*" } else { "(.*/)?" };
            }
            '*' => out += "[^/]*",
            '?' => out += "[^/]",
            '[' | ']' => out.push(c),
            '\\' => out += &regex_lite::escape(rest.next().map_or("\\".to_owned(), String::from).as_str()),
            // Within brackets these make ranges and their opposite.
            '-' | '^' => out.push(c),
            literal => out += &regex_lite::escape(literal.encode_utf8(&mut [0; 4])),
        }
    }
    out + "$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_docker_has_it() {
        let cases = [
            ("*.md", "README.md", true),
            ("*.md", "docs/README.md", false),
            ("**/*.md", "docs/a/README.md", true),
            ("**/*.md", "README.md", true),
            ("target", "target/debug/hl", true),
            ("/target/", "target/debug", true),
            ("./a/../b", "b", true),
            ("../b", "b", false),
            ("/../b", "b", true),
            ("a/**", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/b/b/c", true),
            ("**", "anything/at/all", true),
            ("**/name", "name", true),
            ("**/name", "a/name", true),
            ("**/name", "a/rename", false),
            ("**name", "a/rename", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a.c*", "abc", false),
            ("a(b)+*", "a(b)+", true),
            ("ä*ö", "äöö", true),
            ("a-b*", "a-bc", true),
            ("x*\\", "xy\\", true),
            ("[", "[", false),
            ("# no pattern", "# no pattern", false),
            (" # a pattern", "# a pattern", true),
        ];
        for (pattern, path, out) in cases {
            assert_eq!(Ignore::parse(pattern).leaves_out(path), out, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_match_wins() {
        let ignore = Ignore::parse("*\n!src\nsrc/*.tmp\n");
        assert!(ignore.leaves_out("README"));
        assert!(!ignore.leaves_out("src/main.rs"));
        assert!(ignore.leaves_out("src/x.tmp"));
    }

    /// A matcher that tries each way in which the stars could divide the name does not end here.
    #[test]
    fn many_stars_cost_no_more_than_their_number() {
        let name = "a".repeat(200);
        let stars = "*a".repeat(60);
        assert!(!Ignore::parse(&format!("{stars}b")).leaves_out(&name));
        assert!(Ignore::parse(&stars).leaves_out(&name));
        let deep = ["a"; 60].join("/");
        assert!(!Ignore::parse(&format!("{}b", "**/a/".repeat(20))).leaves_out(&deep));
    }
}
