//! Lists of tags, which come in pages.

use hyper::header::HeaderMap;
use serde_json::Value;

use super::error::Trouble;

/// The tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TagList {
    pub tags: Vec<String>,
    pub extent: Extent,
}

/// Whether a list is the whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Extent {
    #[default]
    Whole,
    /// There are more than are read.
    CutOff,
}

/// The tags on a page; a repository of which all tags are gone has `null`.
pub(super) fn page(body: &[u8]) -> Result<Vec<String>, Trouble> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| Trouble::Malformed("its list of tags is not JSON"))?;
    match &answer["tags"] {
        Value::Array(tags) => Ok(tags.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        Value::Null if answer.is_object() => Ok(Vec::new()),
        _ => Err(Trouble::Malformed("there are no tags in its list")),
    }
}

/// The path of the next page, which `Link` names: always of the same registry and the same list.
pub(super) fn next(headers: &HeaderMap, list: &str) -> Option<String> {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = links.flat_map(|value| value.split(',')).collect();
    let is_next = |parameter: &str| {
        let parameter = parameter.trim().to_ascii_lowercase();
        matches!(parameter.as_str(), "rel=\"next\"" | "rel=next")
    };
    let target = all.iter().find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(is_next).then_some(target)
    })?;
    // The host in it does not count: pages are asked for where the list is.
    let query = target.split_once('?').map(|(_, query)| query).filter(|query| !query.is_empty())?;
    let fits = query.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    fits.then(|| format!("{list}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(link: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("link", link.parse().unwrap());
        next(&headers, "/v2/a/tags/list")
    }

    #[test]
    fn the_next_page_is_of_the_same_list() {
        let expected = Some("/v2/a/tags/list?last=b&n=2".to_owned());
        assert_eq!(next_of("</v2/a/tags/list?last=b&n=2>; rel=\"next\""), expected);
        assert_eq!(next_of("<https://evil.org/x?last=b&n=2>; rel=\"next\""), expected);
        assert_eq!(next_of("</v2/a/tags/list?last=b&n=2>; rel=\"prev\""), None);
        assert_eq!(next_of("</v2/a/tags/list>; rel=\"next\""), None);
        assert_eq!(next_of("garbage"), None);
    }

    #[test]
    fn pages_are_read() {
        assert_eq!(page(br#"{"name":"a","tags":["1","2"]}"#), Ok(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(page(br#"{"name":"a","tags":null}"#), Ok(Vec::new()));
        for garbage in ["", "<html>", "[]", r#"{"tags":1}"#] {
            assert!(page(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }
}
