//! Any text as a template, the first line of which is the value of a variable.
#![no_main]

use hl::config::template::{self, Lookup, Seen};
use hl::config::tree::Taint;
use libfuzzer_sys::fuzz_target;

/// `A` is set, `E` is empty, nothing else is known.
struct One<'a>(&'a str);

impl Lookup for One<'_> {
    fn get(&self, name: &str) -> Option<(&str, Taint)> {
        match name {
            "A" => Some((self.0, Taint::Plain)),
            "E" => Some(("", Taint::Plain)),
            _ => None,
        }
    }
}

fuzz_target!(|text: &str| {
    let (value, text) = text.split_once('\n').unwrap_or(("", text));
    let _ = template::substitute(text, &One(value), &mut Seen::default());
});
