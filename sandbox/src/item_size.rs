//! How many bytes DynamoDB counts for an item, by which a write is paid for.
//!
//! The rules are those of "DynamoDB item sizes and formats" in the developer guide. Numbers are
//! estimated there, and here: DynamoDB tells nobody the exact count.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// What one write unit pays for.
pub const WRITE_UNIT_BYTES: usize = 1024;

/// What a list or a map costs by itself, and each of its elements again by one.
const CONTAINER_BYTES: usize = 3;

/// The size of an item in DynamoDB JSON (`{"pk":{"S":"..."},...}`): its names and its values.
pub fn item_size(item: &Value) -> usize {
    item.as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| name.len() + attribute_size(value))
        .sum()
}

fn attribute_size(attribute: &Value) -> usize {
    let Some((kind, value)) = attribute
        .as_object()
        .and_then(|tagged| tagged.iter().next())
    else {
        return 0;
    };
    let elements = || value.as_array().into_iter().flatten();
    match kind.as_str() {
        "S" => text_size(value),
        "N" => number_size(value),
        "B" => binary_size(value),
        "BOOL" | "NULL" => 1,
        "SS" => elements().map(text_size).sum(),
        "NS" => elements().map(number_size).sum(),
        "BS" => elements().map(binary_size).sum(),
        "L" => {
            CONTAINER_BYTES
                + elements()
                    .map(|each| 1 + attribute_size(each))
                    .sum::<usize>()
        }
        "M" => CONTAINER_BYTES + value.as_object().map_or(0, |map| map.len()) + item_size(value),
        _ => 0,
    }
}

fn text_size(value: &Value) -> usize {
    value.as_str().map_or(0, str::len)
}

fn binary_size(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    STANDARD
        .decode(text)
        .map_or(text.len(), |bytes| bytes.len())
}

/// One byte for two significant digits and one more, and one for a minus sign.
fn number_size(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    significant.div_ceil(2) + 1 + usize::from(text.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_names_and_values() {
        assert_eq!(item_size(&json!({"pk": {"S": "acme#1"}})), 2 + 6);
        assert_eq!(item_size(&json!({"é": {"S": "é"}})), 2 + 2);
        assert_eq!(item_size(&json!({"b": {"B": "AAECAw=="}})), 1 + 4);
        assert_eq!(item_size(&json!({"b": {"BOOL": true}})), 1 + 1);
    }

    #[test]
    fn counts_two_significant_digits_a_byte() {
        assert_eq!(item_size(&json!({"n": {"N": "0"}})), 1 + 1);
        assert_eq!(item_size(&json!({"n": {"N": "27"}})), 1 + 2);
        assert_eq!(item_size(&json!({"n": {"N": "-27"}})), 1 + 3);
        assert_eq!(item_size(&json!({"n": {"N": "1795512600000"}})), 1 + 5);
    }

    #[test]
    fn counts_what_is_nested() {
        let list = json!({"l": {"L": [{"S": "ab"}, {"NULL": true}]}});
        assert_eq!(item_size(&list), 1 + 3 + (1 + 2) + (1 + 1));
        let map = json!({"m": {"M": {"k": {"S": "v"}}}});
        assert_eq!(item_size(&map), 1 + 3 + 1 + (1 + 1));
        assert_eq!(item_size(&json!({"s": {"SS": ["a", "bc"]}})), 1 + 3);
    }
}
