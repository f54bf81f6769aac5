//! The verdict on the three values of one field.

/// The verdict on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All agree.
    InSync,
    /// The declaration changed; the node has what was recorded.
    Pending,
    /// The node changed; the declaration did not.
    Drift,
    /// Declaration and node changed, to the same.
    Converged,
    /// Declaration and node changed, each to something else.
    Conflict,
    /// Nothing was recorded, and declaration and node differ.
    Unrecorded,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 6] =
        [Verdict::InSync, Verdict::Pending, Verdict::Drift, Verdict::Converged, Verdict::Conflict, Verdict::Unrecorded];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::InSync => "in sync",
            Verdict::Pending => "pending",
            Verdict::Drift => "drift",
            Verdict::Converged => "converged",
            Verdict::Conflict => "conflict",
            Verdict::Unrecorded => "unrecorded",
        }
    }

    /// Whether something has to be done on the node.
    pub fn needs_action(self) -> bool {
        match self {
            Verdict::Pending | Verdict::Drift | Verdict::Conflict | Verdict::Unrecorded => true,
            Verdict::InSync | Verdict::Converged => false,
        }
    }
}

/// Which of two views is unlike the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is as recorded.
    No,
    /// It is not.
    Yes,
}

/// The verdict, from whether declaration and node agree and which of them moved since the record.
/// `None` for the movements stands for "nothing was recorded".
pub fn verdict(agree: bool, moved: Option<(Moved, Moved)>) -> Verdict {
    match (agree, moved) {
        (true, None) => Verdict::InSync,
        (false, None) => Verdict::Unrecorded,
        (true, Some((Moved::No, Moved::No))) => Verdict::InSync,
        (true, Some(_)) => Verdict::Converged,
        // Neither moved and yet they differ: the engine keeps the value in a form of its own, which
        // was read back right after the apply. That is what in sync looks like there.
        (false, Some((Moved::No, Moved::No))) => Verdict::InSync,
        (false, Some((Moved::Yes, Moved::No))) => Verdict::Pending,
        (false, Some((Moved::No, Moved::Yes))) => Verdict::Drift,
        (false, Some((Moved::Yes, Moved::Yes))) => Verdict::Conflict,
    }
}
