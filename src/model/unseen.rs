//! Characters that a person does not see, or that act on the terminal that shows them.

/// Whether a character acts on a terminal or is not seen on it, behind the one `before` it.
pub fn is_unseen(c: char, before: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match c {
        // Chooses the coloured form of the sign before it.
        '\u{fe0f}' => !is_pictograph(before),
        // Controls, separators of lines and paragraphs, marks between annotations, and those of hieroglyphs.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1345f}' => true,
        // Source: Unicode's Default_Ignorable_Code_Point, of DerivedCoreProperties.txt.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        // A cell without dots, and what is no character at all.
        '\u{2800}' | '\u{fdd0}'..='\u{fdef}' => true,
        c => u32::from(c) & 0xfffe == 0xfffe,
    }
}

/// Whether a sign has a form as a picture.
fn is_pictograph(c: char) -> bool {
    matches!(c, '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2bff}' | '〰' | '〽' | '㊗' | '㊙')
        || matches!(c, '\u{1f000}'..='\u{1faff}')
}
