//! The other sides of the protocol: a partner's server, a mobile SDK, a resource server.
//!
//! The sandbox, `tokenctl` and the tests speak to the service through this. It is written from the
//! RFCs with RustCrypto and does not depend on `token-service`: what it shows about that is
//! evidence, not agreement with itself.
//!
//! | module | responsible for |
//! |---|---|
//! | [`credentials`] | the file that a partner gets at onboarding |
//! | [`jwe`] | compact JWEs, and what exactly is wrong with one |
//! | [`partner`] | a request with a sealed body, and sending it |
//! | [`retry`] | whether and when to call again |
//! | [`answer`] | reading what came back |
//! | [`verdict`] | what of it to believe, and what to do |
//! | [`pasted`] | what word processors do to keys and JSON |
//! | [`rules`] | what every answer must be |
//! | [`sdk`] | a key pair, the session key, and renewal |
//! | [`resource_server`] | asking whether a token is good, and opening one |
//! | [`error`] | an error and its causes, in a line |

pub mod answer;
pub mod credentials;
pub mod error;
pub mod jwe;
pub mod partner;
pub mod pasted;
pub mod resource_server;
pub mod retry;
pub mod rules;
pub mod sdk;
pub mod verdict;
