//! Labels, and the colours that they may get. Symbols and words carry the meaning; colour only helps.

use console::Style;

/// The role of a piece of text, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Running text.
    Plain,
    /// The head of a section.
    Title,
    /// Text of minor importance.
    Faint,
    /// An object or value that is made or added.
    Added,
    /// An object or value that is changed in place or restarted.
    Changed,
    /// An object that is replaced.
    Replaced,
    /// An object or value that is removed.
    Removed,
    /// An object that is verified, pulled or built.
    Run,
    /// A change made outside hl.
    Outside,
    /// The part of a value that is no longer there.
    OldPart,
    /// The part of a value that is new.
    NewPart,
    /// A success.
    Good,
    /// A condition that needs attention.
    Warning,
    /// A failure or an objection.
    Error,
}

/// Whether labels become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// They do not.
    #[default]
    Plain,
    /// They do.
    Coloured,
}

impl Palette {
    /// The text in the colours of its label.
    pub fn paint(self, label: Label, text: &str) -> String {
        match self {
            Palette::Plain => text.to_owned(),
            Palette::Coloured => style(label).apply_to(text).to_string(),
        }
    }
}

/// The colours of a label. Forced, because whether to colour at all is decided by the caller, from
/// the terminal that it really writes to.
fn style(label: Label) -> Style {
    let style = Style::new().force_styling(true);
    match label {
        Label::Plain => style,
        Label::Title => style.bold(),
        Label::Faint => style.dim(),
        Label::Added | Label::Good => style.green(),
        Label::Changed => style.yellow(),
        Label::Replaced | Label::Outside => style.magenta(),
        Label::Removed => style.red(),
        Label::Run => style.cyan(),
        Label::OldPart => style.red().bold(),
        Label::NewPart => style.green().bold(),
        Label::Warning => style.yellow().bold(),
        Label::Error => style.red().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_coloured_palette_colours() {
        assert_eq!(Palette::Plain.paint(Label::Added, "x"), "x");
        assert_eq!(Palette::Coloured.paint(Label::Plain, "x"), "x");
        assert_eq!(Palette::Coloured.paint(Label::Added, "x"), "\u{1b}[32mx\u{1b}[0m");
    }
}
