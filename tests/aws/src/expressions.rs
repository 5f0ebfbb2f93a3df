//! As much of DynamoDB's expressions as the service's have.

use std::cmp::Ordering;

use serde_json::Value;

/// Whether the call's condition holds of the item that it finds.
pub(crate) fn condition_holds(call: &Value, found: Option<&Value>) -> bool {
    let condition = call["ConditionExpression"].as_str().expect("a condition");
    let clause = |clause: &str| match clause {
        "attribute_exists(pk)" => found.is_some(),
        "attribute_not_exists(pk)" => found.is_none(),
        _ => compares(clause, call, found),
    };
    let mut any = condition.split(" OR ");
    any.any(|all| all.split(" AND ").all(clause))
}

fn compares(clause: &str, call: &Value, found: Option<&Value>) -> bool {
    let [left, operator, right] = clause.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{clause} is no comparison");
    };
    let Some(left) = found.and_then(|item| item.get(name(left, call))) else {
        return false;
    };
    let order = order(left, value(right, call));
    match operator {
        "=" => order == Ordering::Equal,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        _ => panic!("{operator} is no operator here"),
    }
}

fn order(left: &Value, right: &Value) -> Ordering {
    let number = |value: &Value| value["N"].as_str().map(|text| text.parse::<i64>().unwrap());
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left["S"]
            .as_str()
            .unwrap()
            .cmp(right["S"].as_str().unwrap()),
    }
}

/// Makes the call's update of the item.
pub(crate) fn update(call: &Value, item: &mut Value) {
    let update = call["UpdateExpression"].as_str().expect("an update");
    let mut rest = update.strip_prefix("SET ").expect("SET alone");
    while let Some((attribute, assigned)) = rest.split_once(" = ") {
        let attribute = name(attribute, call);
        let kept = assigned.strip_prefix(&format!("if_not_exists({attribute}, "));
        let assigned = kept.unwrap_or(assigned);
        let (assigned, others) = assigned.split_once(", ").unwrap_or((assigned, ""));
        if kept.is_none() || item.get(attribute).is_none() {
            item[attribute] = value(assigned.trim_end_matches(')'), call).clone();
        }
        rest = others;
    }
}

fn name<'a>(name: &'a str, call: &'a Value) -> &'a str {
    if name.starts_with('#') {
        call["ExpressionAttributeNames"][name]
            .as_str()
            .expect("a name")
    } else {
        name
    }
}

fn value<'a>(name: &str, call: &'a Value) -> &'a Value {
    let values = &call["ExpressionAttributeValues"];
    values.get(name).expect("a value")
}
