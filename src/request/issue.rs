//! A request for a token (protocol.md, Request).
//!
//! Whether its `sdkApiKey` is the partner's, and whether its `referenceId` is taken, is decided
//! later: by `partner` and `record`.

use std::collections::BTreeMap;

use ring::rand::SecureRandom;
use serde::Serialize;
use time::Date;

use super::{MemberFault, ReferenceId, RequestFault, members::Members, object, rules};
use crate::{
    partner::KeyDigest,
    redacted::Redacted,
    session::{AgreementError, PublicKey, PublicKeyFault, Session},
};

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

/// A decrypted body's members as far as they keep the rules, and every rule that one breaks. The
/// SDK's point is not looked at yet: agreeing with it is what validates it.
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
        let object = object(plaintext, &MEMBERS)?;
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

    /// Agrees with the SDK, and so validates its point. That is the last rule: what then has no
    /// fault is a request.
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
