//! The validated request: if an [`IssueRequest`] exists, it is valid (protocol.md, Request).
//!
//! Whether its `sdkApiKey` is the partner's, and whether its `referenceId` is taken, is decided
//! later: by `partner` and `record`.

mod date;
mod rules;

use std::collections::BTreeMap;

use ring::rand::SecureRandom;
use serde::Serialize;
use time::Date;

pub use crate::json::JsonFault;
use crate::{
    json::{self, Object, Value},
    partner::KeyDigest,
    redacted::Redacted,
    session::{AgreementError, PublicKey, PublicKeyFault, Session},
};

/// Deepest nesting of the plaintext; its outermost object is 1.
const MAX_DEPTH: usize = 8;

/// A partner's name for one issue: 1-64 of `A-Z a-z 0-9 . _ : -`. The idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceId(String);

impl ReferenceId {
    /// `None` if `id` breaks the rule.
    pub fn new(id: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        let sound = (1..=64).contains(&id.len()) && id.bytes().all(allowed);
        sound.then(|| Self(id.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the partner says of the customer, normalised.
///
/// Its JSON form is canonical: members in this order, absent ones left out, `data` sorted by key.
/// `record` compares requests by it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// 1-19 digits, leading zeros kept.
    pub account_number: Redacted<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isd_code: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_number: Option<Redacted<String>>,
    /// `yyyyMMdd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    dob: Option<Redacted<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<Redacted<String>, Redacted<String>>,
}

/// A valid request for a token.
#[derive(Debug)]
pub struct IssueRequest {
    /// Names this issue among the partner's.
    pub reference_id: ReferenceId,
    /// The SDK's public key, on the curve.
    pub sdk_public_key: PublicKey,
    /// The agreement with that key, which is also what validated it.
    pub session: Session,
    /// Of the `sdkApiKey`, which is not kept.
    pub sdk_api_key: KeyDigest,
    /// Whom the token is for.
    pub customer: Customer,
}

/// A member that breaks a rule. Holds the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberFault {
    /// The member, as the sender spelt it.
    pub field: &'static str,
    /// The rule.
    pub reason: String,
}

/// Why a plaintext is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestFault {
    /// Not one JSON object of sound structure.
    #[error("the plaintext {0}")]
    Json(JsonFault),
    /// Every member that fails, never only the first.
    #[error("{} members of the request fail", faults.len())]
    Members {
        /// At least one.
        faults: Vec<MemberFault>,
        /// The `referenceId`, if that is valid.
        reference_id: Option<ReferenceId>,
    },
    /// Not the sender's fault: the system's generator failed.
    #[error("the system's random generator failed")]
    Generator,
}

/// Every member that the protocol names, in its order.
pub const MEMBERS: [&str; 14] = [
    "referenceId",
    "sdkPublicKey",
    "sdkApiKey",
    "accountNumber",
    "firstName",
    "firstname",
    "lastName",
    "lastname",
    "name",
    "email",
    "isdCode",
    "mobileNumber",
    "dob",
    "data",
];

impl RequestFault {
    /// The failing members, as the answer's `errors`.
    pub fn members(&self) -> Vec<MemberFault> {
        match self {
            Self::Members { faults, .. } => faults.clone(),
            Self::Json(fault) => known_member(fault).into_iter().collect(),
            Self::Generator => Vec::new(),
        }
    }

    /// The request's `referenceId`, if it was read and is valid.
    pub fn reference_id(&self) -> Option<&ReferenceId> {
        match self {
            Self::Members { reference_id, .. } => reference_id.as_ref(),
            Self::Json(_) | Self::Generator => None,
        }
    }
}

/// A structural fault's top-level member, if the protocol names it: other names are the sender's
/// own data.
fn known_member(fault: &JsonFault) -> Option<MemberFault> {
    let (JsonFault::Repeated { path }
    | JsonFault::LoneSurrogate { path }
    | JsonFault::TooDeep { path, .. }) = fault
    else {
        return None;
    };
    let top = path.split(['.', '[']).next()?;
    let field = MEMBERS.into_iter().find(|name| *name == top)?;
    let reason = fault.to_string();
    Some(MemberFault { field, reason })
}

/// A decrypted body's members as far as they keep the rules, and every rule that one breaks. The SDK's
/// point is not looked at yet: agreeing with it is what validates it.
pub struct RequestFields {
    reference_id: Option<ReferenceId>,
    sdk_public_key: Option<PublicKey>,
    sdk_api_key: Option<KeyDigest>,
    customer: Option<Customer>,
    faults: Vec<MemberFault>,
}

impl RequestFields {
    /// Reads a decrypted body. `today` is the UTC date, the last possible date of birth.
    pub fn parse(plaintext: &[u8], today: Date) -> Result<Self, RequestFault> {
        let object = json::object(plaintext, MAX_DEPTH).map_err(RequestFault::Json)?;
        let mut members = Members::of(&object);

        let reference_id = members.required("referenceId", rules::reference_id);
        let sdk_public_key = members.required("sdkPublicKey", rules::sdk_public_key);
        let sdk_api_key = members.required("sdkApiKey", rules::sdk_api_key);
        let account_number = members.required("accountNumber", rules::account_number);
        let first_name = members.either(["firstName", "firstname"], rules::name);
        let last_name = members.either(["lastName", "lastname"], rules::name);
        let name = members.optional("name", rules::name);
        let email = members.optional("email", rules::email);
        let isd_code = members.optional("isdCode", rules::isd_code).flatten();
        let mobile_number = members.optional("mobileNumber", rules::mobile_number);
        let dob = members.optional("dob", |value| rules::dob(value, today));
        let data = members.optional("data", rules::data).unwrap_or_default();
        // Zeroized, whether the rest is refused or not.
        let customer = account_number.map(|account_number| Customer {
            account_number,
            first_name,
            last_name,
            name,
            email,
            isd_code,
            mobile_number,
            dob,
            data,
        });
        Ok(Self {
            reference_id,
            sdk_public_key,
            sdk_api_key,
            customer,
            faults: members.faults,
        })
    }

    /// Agrees with the SDK, and so validates its point. That is the last rule: what then has no fault is
    /// a request.
    pub fn agree(mut self, rng: &dyn SecureRandom) -> Result<IssueRequest, RequestFault> {
        let agreed = self.sdk_public_key.as_ref();
        let agreed = agreed.map(|key| Session::agree(key, rng)).transpose();
        let session = match agreed {
            Ok(session) => session,
            Err(AgreementError::Generator) => return Err(RequestFault::Generator),
            Err(AgreementError::OffCurve) => {
                self.faults.push(MemberFault {
                    field: "sdkPublicKey",
                    reason: PublicKeyFault::OffCurve.to_string(),
                });
                None
            }
        };
        match (
            self.reference_id,
            self.sdk_public_key,
            session,
            self.sdk_api_key,
            self.customer,
        ) {
            (
                Some(reference_id),
                Some(sdk_public_key),
                Some(session),
                Some(sdk_api_key),
                Some(customer),
            ) if self.faults.is_empty() => Ok(IssueRequest {
                reference_id,
                sdk_public_key,
                session,
                sdk_api_key,
                customer,
            }),
            (reference_id, ..) => Err(RequestFault::Members {
                faults: self.faults,
                reference_id,
            }),
        }
    }
}

/// The members of one request, and the faults found so far.
struct Members<'o, 'a> {
    object: &'o Object<'a>,
    faults: Vec<MemberFault>,
}

impl<'o, 'a> Members<'o, 'a> {
    fn of(object: &'o Object<'a>) -> Self {
        let faults = Vec::new();
        Self { object, faults }
    }

    fn fault(&mut self, field: &'static str, reason: &str) {
        let reason = reason.to_owned();
        self.faults.push(MemberFault { field, reason });
    }

    /// `null` is absent.
    fn present(&self, name: &str) -> Option<&'o Value<'a>> {
        self.object
            .member(name)
            .filter(|value| !matches!(value, Value::Null))
    }

    fn required<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&Value<'_>) -> Result<T, rules::Reason>,
    ) -> Option<T> {
        if self.present(name).is_none() {
            self.fault(name, "is required");
        }
        self.optional(name, rule)
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        rule: impl Fn(&Value<'_>) -> Result<T, rules::Reason>,
    ) -> Option<T> {
        match rule(self.present(name)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(name, &reason);
                None
            }
        }
    }

    /// A member with two spellings, of which a request has at most one.
    fn either<T>(
        &mut self,
        [name, alias]: [&'static str; 2],
        rule: impl Fn(&Value<'_>) -> Result<T, rules::Reason>,
    ) -> Option<T> {
        match (self.present(name), self.present(alias)) {
            (Some(_), Some(_)) => {
                self.fault(name, &format!("must not be given together with {alias}"));
                None
            }
            (None, _) => self.optional(alias, rule),
            (Some(_), None) => self.optional(name, rule),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
