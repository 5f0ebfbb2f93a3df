//! How an error is told to a person.

use std::error::Error;

/// An error and its causes, in a line. A cause that its error has quoted already is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_causes_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::fmt::Error);
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        struct Same(Outer);
        let cause = std::fmt::Error.to_string();
        assert_eq!(
            with_causes(&Same(Outer(std::fmt::Error))),
            format!("outer: {cause}")
        );
    }
}
