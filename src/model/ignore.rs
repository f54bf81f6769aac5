//! What a `.dockerignore` leaves out of a build context.
//!
//! Source: the rules of `moby/patternmatcher`: a pattern is a path of the context whose parts may
//! hold `*`, `?` and `[…]`, `**` is any number of parts, `!` takes back, the last match wins, and
//! what is below a match matches too.

/// The patterns of one file.
pub struct Ignore(Vec<Pattern>);

struct Pattern {
    parts: Vec<String>,
    takes_back: bool,
}

impl Ignore {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        Self(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(Pattern::parse).collect())
    }

    /// Whether a path, relative to the context, is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let below = |pattern: &Pattern| (1..=parts.len()).any(|end| matches(&pattern.parts, &parts[..end]));
        self.0.iter().fold(false, |out, pattern| if below(pattern) { !pattern.takes_back } else { out })
    }

    /// Whether something below a folder that is left out may be taken back.
    pub fn takes_back(&self) -> bool {
        self.0.iter().any(|pattern| pattern.takes_back)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let (line, takes_back) = line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true));
        let mut parts: Vec<String> = Vec::new();
        for part in line.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part.to_owned()),
            }
        }
        (!parts.is_empty()).then_some(Self { parts, takes_back })
    }
}

/// Whether a pattern matches a whole path.
fn matches(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((first, rest)), _) if first == "**" => {
            // At the end it stands for at least one part, elsewhere for none too.
            let least = usize::from(rest.is_empty());
            (least..=path.len()).any(|skipped| matches(rest, &path[skipped..]))
        }
        (Some(_), None) => false,
        (Some((first, rest)), Some((part, below))) => matches_part(first, part) && matches(rest, below),
    }
}

/// Whether one part of a pattern matches one part of a path.
fn matches_part(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    matches_chars(&pattern, &text)
}

fn matches_chars(pattern: &[char], text: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        '*' => (0..=text.len()).any(|skipped| matches_chars(rest, &text[skipped..])),
        '?' => !text.is_empty() && matches_chars(rest, &text[1..]),
        '[' => match (rest.iter().skip(1).position(|c| *c == ']'), text.split_first()) {
            (Some(end), Some((letter, below))) => {
                let (class, rest) = (&rest[..=end], &rest[end + 2..]);
                in_class(class, *letter) && matches_chars(rest, below)
            }
            _ => false,
        },
        '\\' => {
            matches!((rest.split_first(), text.split_first()), (Some((c, rest)), Some((l, below))) if c == l && matches_chars(rest, below))
        }
        literal => text.split_first().is_some_and(|(letter, below)| letter == literal && matches_chars(rest, below)),
    }
}

/// Whether a letter is in `a-z` or, with `^` in front, is not.
fn in_class(class: &[char], letter: char) -> bool {
    let (class, wanted) = class.strip_prefix(&['^']).map_or((class, true), |rest| (rest, false));
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        let last = if class.get(at + 1) == Some(&'-') && at + 2 < class.len() { at + 2 } else { at };
        found |= (class[at]..=class[last]).contains(&letter);
        at = last + 1;
    }
    found == wanted
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
            ("a/**", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**/c", "a/c", true),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("a\\*", "a*", true),
            ("# no pattern", "# no pattern", false),
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
}
