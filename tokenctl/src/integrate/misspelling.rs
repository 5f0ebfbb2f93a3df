//! Which member an unknown one was probably meant to be.

use token_service::request::MEMBERS;

use super::{members::Members, page::quoted};

/// The members, each with other names that people have for it, without case and marks. Each client
/// has the same list (`tests/service/lists.rs`).
const NAMES: &str = "
referenceId refid refno
sdkPublicKey publickey
sdkApiKey sdkkey
accountNumber account accountid accountno accountnum accno
firstName givenname
lastName surname familyname
name fullname customername
email mail emailid emailaddress
isdCode isd countrycode dialcode
mobileNumber mobile mobileno phone phonenumber telephone
dob birthdate birthday dateofbirth
data
";

/// A name without case and marks: `mobile_number`, `Mobile-Number` and `MOBILENUMBER` are one.
fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric());
    // Turkish has an i without a dot, and Cyrillic has letters that look like Latin ones.
    let latin = |c| match c {
        'ı' | 'і' => 'i',
        'а' => 'a',
        'е' | 'ё' => 'e',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'у' => 'y',
        'х' => 'x',
        'ѕ' => 's',
        'ԁ' => 'd',
        other => other,
    };
    kept.flat_map(char::to_lowercase)
        .map(latin)
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// What to say of each unknown member that was probably meant to be a known one.
pub(super) fn warnings(members: &Members) -> Vec<String> {
    let unknown = members.iter().filter(|(name, _)| !MEMBERS.contains(name));
    unknown
        .filter_map(|(name, _)| Some(ignored(name, meant(name)?)))
        .collect()
}

/// What to say of one.
pub(super) fn ignored(name: &str, meant: &str) -> String {
    format!(
        "{} is ignored. Is {meant} meant? Names are compared exactly",
        quoted(name)
    )
}

/// The member that a name resembles, if it does.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let written = plain(name);
    let known = || MEMBERS.into_iter().map(|member| (member, plain(member)));
    if let Some((member, _)) = known().find(|(_, known)| *known == written) {
        return Some(member);
    }
    for line in NAMES.lines() {
        let mut words = line.split(' ');
        let member = words.next().unwrap_or_default();
        if words.any(|alias| alias == written) {
            return MEMBERS.into_iter().find(|known| *known == member);
        }
    }
    // A letter or two amiss in a long name; in a short one that would be another word.
    known()
        .map(|(member, known)| (distance(&written, &known), known.chars().count(), member))
        .filter(|(distance, length, _)| *distance <= length / 5)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(_, _, member)| member)
}

/// Levenshtein's: how many letters have to be put in, taken out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut left = row + 1;
        let mut line = vec![left];
        for (pair, against) in above.windows(2).zip(&other) {
            let (diagonal, up) = match pair {
                [diagonal, up] => (*diagonal, *up),
                _ => continue,
            };
            let changed = diagonal + usize::from(letter != *against);
            left = changed.min(up + 1).min(left + 1);
            line.push(left);
        }
        above = line;
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_meant() {
        for (written, member) in [
            ("refrenceId", "referenceId"),
            ("reference_id", "referenceId"),
            ("mobile_number", "mobileNumber"),
            ("mobilenumber", "mobileNumber"),
            ("accountNo", "accountNumber"),
            ("acountNumber", "accountNumber"),
            ("FirstName", "firstName"),
            ("first_name", "firstName"),
            ("sdkPublickKey", "sdkPublicKey"),
            ("e-mail", "email"),
            ("dateOfBirth", "dob"),
            ("isdcode", "isdCode"),
            ("fırstName", "firstName"),
            ("mobİleNumber", "mobileNumber"),
            ("accоuntNumber", "accountNumber"),
            ("dоb", "dob"),
            ("email ", "email"),
            ("\u{feff}name", "name"),
            ("date_of_birth", "dob"),
            ("PhoneNumber", "mobileNumber"),
        ] {
            assert_eq!(meant(written), Some(member), "{written}");
        }
    }

    #[test]
    fn takes_no_other_word_for_a_member() {
        for other in [
            "channel", "game", "dot", "date", "x", "", "version", "nome1",
        ] {
            assert_eq!(meant(other), None, "{other}");
        }
    }

    #[test]
    fn counts_letters_amiss() {
        for (one, other, amiss) in [("", "abc", 3), ("kitten", "sitting", 3), ("a", "a", 0)] {
            assert_eq!(distance(one, other), amiss);
        }
    }
}
