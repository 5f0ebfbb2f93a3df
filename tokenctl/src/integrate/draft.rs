//! A request's members, from flags and from a file. A flag takes precedence over the file.

use std::path::{Path, PathBuf};

use clap::Args;
use peers::pasted;
use serde_json::{Map, Value};

use super::members::Members;
use crate::{files, outcome::Failure};

/// The members that a request may have.
#[derive(Args)]
#[command(next_help_heading = "The request's members")]
pub(crate) struct MemberFlags {
    /// Names the session: a repeat with the same referenceId gets the same token. A random UUID if
    /// left out
    #[arg(long, value_name = "ID")]
    reference_id: Option<String>,
    /// The customer's account number: 1-19 digits
    #[arg(long, value_name = "DIGITS")]
    account_number: Option<String>,
    /// The customer's name
    #[arg(long)]
    name: Option<String>,
    /// The customer's first name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// The customer's last name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// The customer's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The country code of the mobile number, such as 91
    #[arg(long, value_name = "DIGITS")]
    isd_code: Option<String>,
    /// The customer's mobile number: 4-15 digits
    #[arg(long, value_name = "DIGITS")]
    mobile_number: Option<String>,
    /// The customer's date of birth: yyyyMMdd or ddMMyyyy
    #[arg(long, value_name = "DATE")]
    dob: Option<String>,
    /// An entry of the member data; may be given again for more
    #[arg(long, value_name = "KEY=VALUE", value_parser = entry)]
    data: Vec<(String, String)>,
    /// A file with the request's JSON, - for standard input. A flag takes precedence
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

fn entry(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl MemberFlags {
    /// The file's path, if one is named.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.from.as_deref()
    }

    /// The members of the file, with those of the flags over them.
    pub(crate) fn members(&self) -> Result<Members, Failure> {
        let mut members = match self.path() {
            Some(path) => read(path)?,
            None => Members::default(),
        };
        let flags = [
            ("referenceId", None, &self.reference_id),
            ("accountNumber", None, &self.account_number),
            ("name", None, &self.name),
            // A name has two spellings, of which a request has one.
            ("firstName", Some("firstname"), &self.first_name),
            ("lastName", Some("lastname"), &self.last_name),
            ("email", None, &self.email),
            ("isdCode", None, &self.isd_code),
            ("mobileNumber", None, &self.mobile_number),
            ("dob", None, &self.dob),
        ];
        for (name, alias, given) in flags {
            if let Some(value) = given {
                if let Some(alias) = alias {
                    members.remove(alias);
                }
                members.set(name, &Value::from(value.as_str()));
            }
        }
        if !self.data.is_empty() {
            let of_file = members.present("data").map(|raw| raw.get());
            let mut data: Map<String, Value> = of_file
                .and_then(|raw| serde_json::from_str(raw).ok())
                .unwrap_or_default();
            for (key, value) in &self.data {
                data.insert(key.clone(), Value::from(value.as_str()));
            }
            members.set("data", &Value::from(data));
        }
        Ok(members)
    }
}

fn read(path: &Path) -> Result<Members, Failure> {
    let at = path.display();
    let bytes = files::read(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("{at}: the request is not UTF-8")))?;
    Members::parse(text).map_err(|error| {
        let fault = if error.is_data() {
            "is not a JSON object, {...}".to_owned()
        } else {
            let place = pasted::where_json_breaks(text, error.line(), error.column());
            format!("is not JSON: {place}")
        };
        Failure::usage(format!("{at}: the request {fault}"))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: MemberFlags,
    }

    fn members(file: &str, flags: &[&str]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("request.json");
        std::fs::write(&path, file).unwrap();
        let path = path.display().to_string();
        let line = ["x", "--from", &path]
            .into_iter()
            .chain(flags.iter().copied());
        let Line { flags } = Line::try_parse_from(line).unwrap();
        flags.members().unwrap().to_string()
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_rest_stays_as_it_is() {
        assert_eq!(
            members(
                r#"{"accountNumber":12345678901234567890,"dob":1}"#,
                &["--dob", "19910807"]
            ),
            r#"{"accountNumber":12345678901234567890,"dob":"19910807"}"#
        );
    }

    #[test]
    fn a_name_in_its_other_spelling_gives_way_too() {
        assert_eq!(
            members(r#"{"firstname":"a"}"#, &["--first-name", "b"]),
            r#"{"firstName":"b"}"#
        );
    }

    #[test]
    fn entries_are_added_to_those_of_the_file() {
        assert_eq!(
            members(
                r#"{"data":{"a":"1","b":"2"}}"#,
                &["--data", "b=x=y", "--data", "c="]
            ),
            r#"{"data":{"a":"1","b":"x=y","c":""}}"#
        );
    }
}
