//! What came out where, and what must not be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::forms::Needles;

/// Where something came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// What the function printed, panics included.
    Log,
    /// What it told the Runtime API instead of an answer, and how it ended.
    Failure,
    /// Status and headers of an answer.
    Head,
    /// A plain answer.
    PlainAnswer,
    /// A sealed answer as it was sent.
    SealedAnswer,
    /// What was sealed in an answer that is no success.
    SealedProblem,
    /// What was sealed in a success.
    Success,
    /// The answer to an introspection of an active token.
    Claims,
    /// Every attribute of every item.
    Table,
}

impl Place {
    const ALL: [Self; 9] = [
        Self::Log,
        Self::Failure,
        Self::Head,
        Self::PlainAnswer,
        Self::SealedAnswer,
        Self::SealedProblem,
        Self::Success,
        Self::Claims,
        Self::Table,
    ];
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Failure => "failure",
            Self::Head => "status and headers",
            Self::PlainAnswer => "plain answer",
            Self::SealedAnswer => "sealed answer",
            Self::SealedProblem => "sealed problem",
            Self::Success => "success",
            Self::Claims => "claims",
            Self::Table => "table",
        })
    }
}

/// All that came out, and what is searched in it.
pub(super) struct Seen {
    pub(super) out: BTreeMap<Place, Vec<u8>>,
    /// How often each code was answered.
    pub(super) codes: BTreeMap<String, usize>,
    /// Echoes of DynamoDB that the function never asked for.
    pub(super) unechoed: Vec<&'static str>,
    /// May come out nowhere.
    pub(super) secrets: Needles,
    /// May come out in the claims that a resource server is told.
    pub(super) claims: Needles,
    /// May come out sealed in a success.
    pub(super) tokens: Needles,
    /// May come out in the table's key and sealed in any answer.
    pub(super) references: Needles,
}

impl Seen {
    /// Nothing yet.
    pub(super) fn new(secrets: Needles, claims: Needles) -> Self {
        Self {
            out: BTreeMap::new(),
            codes: BTreeMap::new(),
            unechoed: Vec::new(),
            secrets,
            claims,
            tokens: Needles::default(),
            references: Needles::default(),
        }
    }

    /// Where nothing came out: a search there has shown nothing.
    pub(super) fn unseen(&self) -> Vec<Place> {
        let is_empty = |place: &Place| self.out.get(place).is_none_or(Vec::is_empty);
        Place::ALL.into_iter().filter(is_empty).collect()
    }

    /// Each place with what must not be there.
    pub(super) fn searches(&self) -> impl Iterator<Item = (Place, &Needles, &[u8])> {
        self.out.iter().flat_map(|(place, text)| {
            let needles = match place {
                Place::Success => vec![&self.secrets, &self.claims],
                Place::Claims => vec![&self.secrets, &self.tokens],
                Place::SealedProblem | Place::Table => {
                    vec![&self.secrets, &self.claims, &self.tokens]
                }
                _ => self.needles().into(),
            };
            needles
                .into_iter()
                .map(|needles| (*place, needles, text.as_slice()))
        })
    }
}

impl Seen {
    fn needles(&self) -> [&Needles; 4] {
        [&self.secrets, &self.claims, &self.tokens, &self.references]
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.needles();
        let canaries: usize = all.iter().map(|needles| needles.canaries()).sum();
        let forms = all.iter().flat_map(|needles| needles.forms());
        let forms = forms.collect::<BTreeSet<_>>().len();
        let needles: usize = all.iter().map(|needles| needles.len()).sum();
        writeln!(f, "{canaries} canaries in {forms} forms: {needles} needles")?;
        let answers: usize = self.codes.values().sum();
        writeln!(f, "{answers} answers: {:?}", self.codes)?;
        for (place, text) in &self.out {
            writeln!(f, "{:>9} bytes of {place}", text.len())?;
        }
        let bytes: usize = self.out.values().map(Vec::len).sum();
        writeln!(f, "{bytes:>9} bytes searched")?;
        Ok(())
    }
}
