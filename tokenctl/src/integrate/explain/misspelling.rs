//! Which member an unknown one was probably meant to be.

use token_service::request::MEMBERS;

/// The member that a name resembles, if it does.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    // `mobile_number`, `Mobile-Number`, `MOBILENUMBER`.
    let plain = |name: &str| -> String {
        let kept = name.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let written = plain(name);
    let known = || MEMBERS.into_iter().map(|member| (member, plain(member)));
    if let Some((member, _)) = known().find(|(_, known)| *known == written) {
        return Some(member);
    }
    let aliases = [
        ("accountno", "accountNumber"),
        ("account", "accountNumber"),
        ("mobile", "mobileNumber"),
        ("phone", "mobileNumber"),
        ("phonenumber", "mobileNumber"),
        ("countrycode", "isdCode"),
        ("dateofbirth", "dob"),
        ("birthdate", "dob"),
        ("mail", "email"),
        ("emailid", "email"),
        ("refid", "referenceId"),
        ("publickey", "sdkPublicKey"),
        ("surname", "lastName"),
        ("fullname", "name"),
    ];
    if let Some((_, member)) = aliases.iter().find(|(alias, _)| *alias == written) {
        return Some(member);
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
