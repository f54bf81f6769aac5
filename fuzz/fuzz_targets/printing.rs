//! Any text on its way to a terminal: nothing of it acts there, and nothing is unseen.
#![no_main]

use hl::render::Palette;
use hl::render::printable::Printable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for palette in [Palette::Plain, Palette::Coloured] {
        let printed = Printable::lines(text, palette);
        let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\u{1b}') || ('\u{200b}'..='\u{200f}').contains(&c);
        assert!(!printed.as_str().contains(acts), "{printed:?}");
        if palette == Palette::Plain {
            assert!(!printed.as_str().contains('\u{1b}'), "{printed:?}");
        }
    }
    assert!(!Printable::json(text).as_str().contains('\u{1b}'));
});
