//! Splitting a command line into words, as go-shellwords 1.0.12 does for Compose: no shell runs, and no variable or
//! backtick is expanded.

use thiserror::Error;

/// A command line cut into words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// The rest that Compose silently drops: everything from the first unquoted `;`, `&`, `|`, `<` or `>`; may be
    /// empty.
    pub dropped: String,
}

/// The line cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WordsError {
    /// A quote or a backslash waits for its end.
    #[error("a quote is not closed")]
    Unclosed,
    /// A parenthesis outside quotes.
    #[error("a parenthesis stands outside quotes")]
    Parenthesis,
}

impl WordsError {
    /// The way out.
    pub fn hint(self) -> &'static str {
        match self {
            WordsError::Unclosed => "close the quote, or write the command as a list of words",
            WordsError::Parenthesis => "put it in quotes, or write the command as a list: [\"sh\", \"-c\", \"…\"]",
        }
    }
}

/// Splits a command line.
pub fn split(line: &str) -> Result<Words, WordsError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut started = false;
    let mut dropped = "";
    let (mut escaped, mut double, mut single, mut backtick, mut dollar) = (false, false, false, false, false);
    for (at, c) in line.char_indices() {
        if escaped {
            word.push(c);
            (escaped, started) = (false, true);
            continue;
        }
        match c {
            '\\' if !single => {
                escaped = true;
                continue;
            }
            // A backslash in single quotes is text, yet it does not start a word that is otherwise empty.
            '\\' => {
                word.push(c);
                continue;
            }
            ' ' | '\t' | '\r' | '\n' => {
                if single || double || backtick || dollar {
                    word.push(c);
                } else if started {
                    words.push(std::mem::take(&mut word));
                    started = false;
                }
                continue;
            }
            '`' if !single && !double && !dollar => backtick = !backtick,
            ')' if !single && !double && !backtick => dollar = !dollar,
            '(' if !single && !double && !backtick => {
                if dollar || !word.ends_with('$') {
                    return Err(WordsError::Parenthesis);
                }
                dollar = true;
                word.push(c);
                continue;
            }
            '"' if !single && !dollar => {
                started |= double;
                double = !double;
                continue;
            }
            '\'' if !double && !dollar => {
                started |= single;
                single = !single;
                continue;
            }
            ';' | '&' | '|' | '<' | '>' if !(single || double || backtick || dollar) => {
                // `2>` redirects a descriptor: its number is no word.
                if c == '>' && word.starts_with(|d: char| d.is_ascii_digit()) {
                    started = false;
                }
                dropped = &line[at..];
                break;
            }
            _ => {}
        }
        started = true;
        word.push(c);
    }
    if escaped || single || double || backtick || dollar {
        return Err(WordsError::Unclosed);
    }
    if started {
        words.push(word);
    }
    Ok(Words { words, dropped: dropped.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap().words
    }

    #[test]
    fn quotes_and_backslashes_join() {
        assert_eq!(words("echo \"a b\" c"), ["echo", "a b", "c"]);
        assert_eq!(words("sh -c 'a && b'"), ["sh", "-c", "a && b"]);
        assert_eq!(words(r"a\ b"), ["a b"]);
        assert_eq!(words("--flag=\"x y\""), ["--flag=x y"]);
        assert_eq!(words("\"\" a"), ["", "a"]);
        assert_eq!(words("a\nb"), ["a", "b"]);
        assert_eq!(words("echo `x y` $(a b)"), ["echo", "`x y`", "$(a b)"]);
        assert_eq!(words(r"a\nb"), ["anb"], "no escape of C has a meaning");
    }

    #[test]
    fn operators_end_the_line() {
        let cut = split("a && b").unwrap();
        assert_eq!((cut.words, cut.dropped.as_str()), (vec!["a".to_string()], "&& b"));
        assert_eq!(words("a|b;c"), ["a"]);
        assert_eq!(words(">out a"), Vec::<String>::new());
        assert_eq!(words("a 2>x"), ["a"]);
    }

    #[test]
    fn refuses_open_ends() {
        for line in ["echo \"un", "it's", "a\\"] {
            assert_eq!(split(line), Err(WordsError::Unclosed), "{line}");
        }
        assert_eq!(split("(a)"), Err(WordsError::Parenthesis));
    }
}
