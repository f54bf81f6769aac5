//! `WWW-Authenticate`: how a registry wants to be told who asks.

/// The proof that a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user and a password, with each request.
    Basic,
    /// A token, which another server gives.
    Bearer {
        /// The address of that server.
        realm: String,
        /// The name of the registry there; may be missing.
        service: Option<String>,
        /// The rights that the token is to give; may be missing.
        scope: Option<String>,
    },
}

/// Reads a header; of several schemes in it a token comes before a password. None if it has nothing that is known.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let mut found = None;
    let mut rest = header;
    while let Some((scheme, after)) = word(rest) {
        let (parameters, next) = parameters(after);
        let value = |name: &str| {
            let own = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
            parameters.iter().find(own).map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = value("realm")
        {
            return Some(Challenge::Bearer { realm, service: value("service"), scope: value("scope") });
        }
        if scheme.eq_ignore_ascii_case("basic") {
            found = Some(Challenge::Basic);
        }
        rest = next;
    }
    found
}

/// The word that a text begins with, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let end = text.find([' ', '\t', ',', '=', '"']).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `name=value` and `name="value"`, with commas between them, and what follows.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((name, after)) = word(rest) {
        // A word without a value is the next scheme.
        let Some(after) = after.trim_start().strip_prefix('=') else { break };
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find([',', ' ', '\t']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        found.push((name.to_owned(), value));
        rest = after;
    }
    (found, rest)
}

/// A text up to its closing quote, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.to_owned(), service: text(service), scope: text(scope) })
    }

    #[test]
    fn headers_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#;
        let scope = Some("repository:library/nginx:pull");
        assert_eq!(parse(hub), bearer("https://auth.docker.io/token", Some("registry.docker.io"), scope));
        assert_eq!(parse("bearer realm=https://a/t , service=s"), bearer("https://a/t", Some("s"), None));
        assert_eq!(parse(r#"Basic realm="test""#), Some(Challenge::Basic));
        assert_eq!(parse("Basic"), Some(Challenge::Basic));
        assert_eq!(parse(r#"Basic realm="a", Bearer realm="https://a/t""#), bearer("https://a/t", None, None));
        assert_eq!(parse(r#"Bearer realm="a\"b",scope="x,y z""#), bearer("a\"b", None, Some("x,y z")));
        for nothing in ["", "Negotiate", "Bearer", "Bearer service=\"x\"", "=", "\"", "Digest realm=\"a\""] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_survived(header in "(Bearer|Basic)?[ -~]{0,60}") {
            let _ = parse(&header);
        }
    }
}
