//! Every error of Secrets Manager that the sandbox knows, with AWS's name and, where it is known,
//! AWS's words for it.

use std::io;

use hyper::StatusCode;

/// Why a request to Secrets Manager was refused. No message repeats a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No secret has this name or ARN.
    #[error("Secrets Manager can't find the specified secret.")]
    SecretNotFound,
    /// The secret has no version of this id.
    #[error("Secrets Manager can't find the specified secret value for VersionId: {0}")]
    VersionNotFound(String),
    /// Until it is restored, a secret that is scheduled for deletion has no value.
    #[error("You can't perform this operation on the secret because it was marked for deletion.")]
    MarkedForDeletion,
    /// No version of the secret has this stage.
    #[error("Secrets Manager can't find the specified secret value for staging label: {0}")]
    StageNotFound(String),
    /// Both were asked for, and the version does not have the stage.
    #[error("You provided a VersionStage that is not associated to the provided VersionId.")]
    StageOfAnotherVersion,
    /// The name is taken.
    #[error("The operation failed because the secret {0} already exists.")]
    SecretExists(String),
    /// The token is that of a version with another value: versions never change.
    #[error("A resource with the ID you requested already exists.")]
    VersionExists,
    /// A version has a value.
    #[error("You must provide either SecretString or SecretBinary.")]
    ValueMissing,
    /// And only one.
    #[error(
        "You can't specify both a binary secret value and a string secret value in the same secret."
    )]
    ValueTwice,
    /// Names are ASCII letters, digits and some signs.
    #[error(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
    )]
    Name,
    /// A stage can only be taken from a version that is named.
    #[error(
        "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
         {holder}, so you must explicitly reference that version in RemoveFromVersionId."
    )]
    RemoveFromMissing {
        /// The stage.
        stage: String,
        /// The version that has it.
        holder: String,
    },
    /// The version that was named does not have the stage.
    #[error(
        "When you move staging label {0}, if you specify RemoveFromVersionId, it must be set to the version that \
         currently has the staging label {0}."
    )]
    RemoveFromMismatch(String),
    /// A secret always has a current version.
    #[error(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
    )]
    CurrentRemoved,
    /// Neither a version to move to nor one to remove from.
    #[error("You must provide MoveToVersionId, RemoveFromVersionId or both.")]
    NothingToMove,
    /// A secret is kept for a week to a month after it was scheduled for deletion.
    #[error("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")]
    RecoveryWindow,
    /// Batches are by list here.
    #[error("You must provide a SecretIdList; the sandbox knows no Filters.")]
    FiltersUnknown,
    /// A member breaks its constraint.
    #[error(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must {constraint}"
    )]
    Constraint {
        /// The member, as AWS spells it in such messages.
        member: &'static str,
        /// The constraint in AWS's words.
        constraint: String,
    },
    /// The body is not the JSON that the operation takes.
    #[error("The request could not be read.")]
    Unreadable,
    /// The sandbox does not know the operation.
    #[error("The sandbox does not know this operation.")]
    UnknownOperation,
    /// The change could not be written to the data directory, and has not happened.
    #[error("An error occurred on the server side: the change could not be kept.")]
    NotKept(#[source] io::Error),
}

impl Refusal {
    /// AWS's name for it: the `__type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SecretNotFound | Self::VersionNotFound(_) | Self::StageNotFound(_) => {
                "ResourceNotFoundException"
            }
            Self::SecretExists(_) | Self::VersionExists => "ResourceExistsException",
            Self::MarkedForDeletion | Self::StageOfAnotherVersion | Self::ValueMissing => {
                "InvalidRequestException"
            }
            Self::ValueTwice
            | Self::Name
            | Self::RemoveFromMissing { .. }
            | Self::RemoveFromMismatch(_)
            | Self::CurrentRemoved
            | Self::NothingToMove
            | Self::RecoveryWindow
            | Self::FiltersUnknown => "InvalidParameterException",
            Self::Constraint { .. } => "ValidationException",
            Self::Unreadable => "SerializationException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::NotKept(_) => "InternalServiceError",
        }
    }

    /// The HTTP status that it comes with.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotKept(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
