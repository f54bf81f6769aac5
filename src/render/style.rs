//! Labels, and the colours that they may get. Symbols and words carry the meaning; colour only helps.

use console::Style;

/// What a piece of text is, for whoever colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Running text.
    Plain,
    /// The head of a section.
    Title,
    /// What may be skipped.
    Faint,
    /// What is made or added.
    Added,
    /// What is changed in place or restarted.
    Changed,
    /// What is replaced.
    Replaced,
    /// What is removed.
    Removed,
    /// What is verified, pulled or built.
    Run,
    /// What somebody changed outside hl.
    Outside,
    /// The part of a value that is no longer there.
    OldPart,
    /// The part of a value that is new.
    NewPart,
    /// What worked.
    Good,
    /// What should be looked at.
    Warning,
    /// What failed or stands in the way.
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
