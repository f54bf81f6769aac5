//! Rust source as the architecture test sees it: without comments, texts and test modules, as the paths and the macros
//! that it names.
//!
//! It is a scanner and no parser: it needs no more than words, `::` and braces, and it accepts what does not compile.

/// What a piece of source names outside of its comments, texts and test modules.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Each path in full, `use` trees spelled out: `std::fs::File`, `crate::model::Addr`, `tokio`.
    pub paths: Vec<String>,
    /// Each macro that is called: `println`.
    pub macros: Vec<String>,
}

/// A word of the language, as far as paths are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Other(char),
}

/// The names in `source`.
pub fn names(source: &str) -> Names {
    let tokens = tokens(&without_tests(source));
    let mut names = Names::default();
    let mut at = 0;
    while at < tokens.len() {
        match (&tokens[at], tokens.get(at + 1)) {
            (Token::Word(word), Some(Token::Other('!'))) if tokens.get(at + 2) != Some(&Token::Other('=')) => {
                names.macros.push(word.clone());
                at += 2;
            }
            // A path that begins with `::` or follows a dot is a method, a field or a global path without interest.
            (Token::Word(_), _) => path(&tokens, &mut at, "", &mut names.paths),
            _ => at += 1,
        }
    }
    names
}

/// Reads the path at `at`, with its groups, and leaves `at` behind it.
fn path(tokens: &[Token], at: &mut usize, before: &str, found: &mut Vec<String>) {
    let mut path = before.to_owned();
    loop {
        match tokens.get(*at) {
            Some(Token::Word(word)) => path += word,
            Some(Token::Other('{')) => return group(tokens, at, &path, found),
            // `*` or `<`: what comes then does not belong to the name.
            _ => break path.truncate(path.trim_end_matches("::").len()),
        }
        *at += 1;
        if tokens.get(*at) != Some(&Token::Colons) {
            break;
        }
        path += "::";
        *at += 1;
    }
    // A macro by its path is in the list of macros by its last word and here by its path.
    found.push(path);
}

/// Reads a group of a `use` tree.
fn group(tokens: &[Token], at: &mut usize, before: &str, found: &mut Vec<String>) {
    *at += 1;
    while let Some(token) = tokens.get(*at) {
        match token {
            Token::Other('}') => return *at += 1,
            Token::Word(word) if word == "self" => {
                found.push(before.trim_end_matches("::").to_owned());
                *at += 1;
            }
            Token::Word(word) if word == "as" => *at += 2,
            Token::Word(_) => path(tokens, at, before, found),
            Token::Other('{') => group(tokens, at, before, found),
            Token::Other('*') => {
                found.push(before.trim_end_matches("::").to_owned());
                *at += 1;
            }
            Token::Colons | Token::Other(_) => *at += 1,
        }
    }
}

fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(c);
            }
            tokens.push(Token::Word(word));
        } else if c == ':' && rest.next_if_eq(&':').is_some() {
            tokens.push(Token::Colons);
        } else if !c.is_whitespace() {
            tokens.push(Token::Other(c));
        }
    }
    tokens
}

/// `source` without its comments, with each text and character emptied to `""`; lines stay lines.
pub fn without_texts(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let (length, replacement) = span(rest, kept.chars().next_back());
        let (gone, after) = rest.split_at(length);
        match replacement {
            Some(text) => {
                kept.push_str(text);
                kept.extend(gone.chars().filter(|c| *c == '\n'));
            }
            None => kept.push(c),
        }
        rest = after;
    }
    kept
}

/// A text in a piece of source.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// The line that it begins on, counted from 1.
    pub line: usize,
    /// What stands between its quotes, escapes as they are.
    pub text: String,
    /// What it is handed to, innermost first, up to the block that it stands in: `format!`, `expect`, and `#` for an
    /// attribute.
    pub inside: Vec<String>,
}

/// The texts of `source` outside of its comments and test modules.
pub fn literals(source: &str) -> Vec<Literal> {
    let (mut kept, mut rest, mut found) = (String::with_capacity(source.len()), source, Vec::new());
    while let Some(c) = rest.chars().next() {
        let (length, replacement) = span(rest, kept.chars().next_back());
        let (gone, after) = rest.split_at(length);
        match replacement {
            Some("\"\"") => {
                let text =
                    gone.trim_start_matches(['b', 'r', 'c', '#']).trim_end_matches('#').trim_matches(['"', '\'']);
                found.push((kept.len(), source.len() - rest.len(), text));
                kept.push_str(&" ".repeat(length));
            }
            // Places stay the same, so that they can be found again in the source.
            Some(_) => kept.push_str(&" ".repeat(length)),
            None => kept.push(c),
        }
        rest = after;
    }
    let tests = test_ranges(&kept);
    let own = found.into_iter().filter(|(at, ..)| !tests.iter().any(|range| range.contains(at)));
    own.map(|(at, begin, text)| Literal {
        line: source[..begin].matches('\n').count() + 1,
        text: text.to_owned(),
        inside: callers(&kept[..at]),
    })
    .collect()
}

/// What is called in the brackets that are open at the end of `code`, innermost first, up to a block.
fn callers(code: &str) -> Vec<String> {
    let (mut names, mut closed) = (Vec::new(), 0);
    for (at, c) in code.char_indices().rev() {
        match c {
            ')' | ']' | '}' => closed += 1,
            '(' | '[' | '{' if closed > 0 => closed -= 1,
            '{' => break,
            '(' | '[' => {
                let before = code[..at].trim_end();
                let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '!' | '#');
                let from = before.char_indices().rev().take_while(|(_, c)| is_name(*c)).last();
                names.extend(from.map(|(from, _)| before[from..].to_owned()));
            }
            _ => {}
        }
    }
    names
}

/// The length of what begins here, and what to put in its place; none for a character that stays.
fn span(rest: &str, before: Option<char>) -> (usize, Option<&'static str>) {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Some(""));
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Some(" "));
    }
    if rest.starts_with('"') {
        return (quoted(rest, 1), Some("\"\""));
    }
    let prefix = rest.find(|c| c != 'b' && c != 'r' && c != 'c').unwrap_or(rest.len());
    if !in_word && (1..=2).contains(&prefix) {
        let (letters, after) = rest.split_at(prefix);
        let hashes = after.find(|c| c != '#').unwrap_or(after.len());
        if letters.ends_with('r') && after[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let from = prefix + hashes + 1;
            return (rest[from..].find(&end).map_or(rest.len(), |at| from + at + end.len()), Some("\"\""));
        }
        if after.starts_with('"') {
            return (quoted(rest, prefix + 1), Some("\"\""));
        }
    }
    if let Some(after) = rest.strip_prefix('\'') {
        // A character has its closing quote behind one character or an escape; a lifetime has none.
        let mut chars = after.char_indices();
        if let Some((_, '\\')) = chars.next() {
            return (rest[3..].find('\'').map_or(rest.len(), |at| at + 4), Some("\"\""));
        }
        if let Some((at, '\'')) = chars.next() {
            return (at + 2, Some("\"\""));
        }
    }
    (first, None)
}

/// The length of a text whose content begins at `from`.
fn quoted(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return from + at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a block comment, with those inside of it.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `source` without comments, texts and what stands under `#[cfg(test)]`.
pub fn without_tests(source: &str) -> String {
    let mut kept = without_texts(source);
    for range in test_ranges(&kept).into_iter().rev() {
        kept.replace_range(range, "");
    }
    kept
}

/// Where in code without texts and comments something stands under `#[cfg(test)]`.
fn test_ranges(code: &str) -> Vec<std::ops::Range<usize>> {
    let (mut ranges, mut from) = (Vec::new(), 0);
    while let Some(start) = code[from..].find("#[cfg(test)]").map(|at| from + at) {
        let body = &code[start..];
        // An item ends at its closing brace, or at a semicolon before any brace.
        let mut depth = 0;
        let end = body.char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(start + at + 1)
        });
        from = end.unwrap_or(code.len());
        ranges.push(start..from);
    }
    ranges
}

/// How many lines a file has that are not its tests.
pub fn lines_without_tests(source: &str) -> usize {
    let removed = without_texts(source).lines().count() - without_tests(source).lines().count();
    source.lines().count() - removed
}
