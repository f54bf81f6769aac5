//! Sentences are made in `render`; rooms whose results are data have none.

use super::{File, kept, says, sources, top_module};
use crate::support::source::literals;

/// Rooms whose results are data; the sentences about them are made in `render`.
const WORDLESS: &[&str] = &["plan", "apply", "data", "state"];
/// From so many words on a text is a sentence.
const SENTENCE: usize = 4;
/// Whatever is told to a programmer (a bug) and not to a user, and the texts of error types.
const NO_SENTENCE: &[&str] =
    &["#", "panic!", "unreachable!", "assert!", "assert_eq!", "assert_ne!", "debug_assert!", "expect"];
/// Files that have some sentences all the same: how many at most, and why. The list only gets shorter.
const SENTENCES: &[(&str, usize, &str)] = &[
    ("src/apply/env_file.rs", 3, "comments in a file that persons read, and no output"),
    ("src/apply/health.rs", 1, "why a script failed, for the events of an apply"),
    ("src/apply/locks.rs", 1, "why a node is not worked on any more, for the events of an apply"),
    ("src/apply/run.rs", 6, "warnings and failures for the events of an apply"),
    ("src/apply/wait.rs", 4, "what a container does instead of working, for the events of an apply"),
    ("src/state/format.rs", 4, "the texts of errors that serde makes"),
    ("src/state/key.rs", 1, "the text of an error of std::io"),
    ("src/state/lock.rs", 1, "the holder of a lock as the error about it shows it"),
    ("src/state/recorded.rs", 3, "details of an error type"),
    ("src/state/store.rs", 1, "the verb in the text of an error"),
];

fn sentences(files: &[File]) -> Vec<String> {
    let rooms = sources(files).filter(|(path, _)| top_module(path).is_some_and(|module| WORDLESS.contains(&module)));
    let mut complaints = Vec::new();
    for (path, text) in rooms {
        let is_exempt = |inside: &[String]| inside.iter().any(|name| NO_SENTENCE.contains(&name.as_str()));
        let all = literals(text).into_iter().filter(|l| !is_exempt(&l.inside) && words(&l.text) >= SENTENCE);
        let found: Vec<String> = all.map(|l| format!("{path}:{}: sentence: {}", l.line, l.text)).collect();
        match SENTENCES.iter().find(|(known, ..)| *known == path) {
            Some(_) if found.is_empty() => complaints.push(format!("{path}: has no sentence and is on the list")),
            Some((_, most, _)) if found.len() <= *most => {}
            Some(_) | None => complaints.extend(found),
        }
    }
    let is_there = |path: &str| files.iter().any(|(known, _)| known == path);
    let gone = SENTENCES.iter().filter(|(path, ..)| files.len() > 1 && !is_there(path));
    complaints.extend(gone.map(|(path, ..)| format!("{path}: is on the list of sentences and not there")));
    complaints
}

/// How many words a text has, without what is put into it.
fn words(text: &str) -> usize {
    let mut depth = 0_usize;
    let own = text.chars().filter(|c| match c {
        '{' => {
            depth += 1;
            false
        }
        '}' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    let own: String = own.collect();
    own.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count()
}

pub fn only_render_has_sentences() {
    kept(sentences);
}

pub fn sentences_rule_can_fail() {
    let told = r#"fn f(n: &str) -> String { g(format!("Volume {n} stays where it is.")) }"#;
    says(sentences, "src/plan/x.rs", told, &["src/plan/x.rs:1: sentence: Volume {n} stays where it is."]);
    says(
        sentences,
        "src/data/x.rs",
        "const A: &str = \n\"it is not there any more\";",
        &["src/data/x.rs:2: sentence: it is not there any more"],
    );
    says(sentences, "src/render/x.rs", told, &[]);
    says(sentences, "src/plan/x.rs", r#"fn f() { g("docker rm -f 1 2 3", "a/{b c d}/e") } // a b c d"#, &[]);
    let for_programmers = r#"
        #[error("{name} cannot be read at all")]
        struct E;
        fn f() { assert!(x(), "this is a bug in hl"); y.expect("only what is there is read") }
        #[cfg(test)]
        mod tests { const A: &str = "a text of a test"; }
    "#;
    says(sentences, "src/apply/x.rs", for_programmers, &[]);
}
