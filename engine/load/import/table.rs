//! A table of a document → a value of the runbook: rows by their first column where that tells them apart.

use serde_json::{Map, Value, json};

use super::values::var_name;

/// Returns the rows of a table; `None` when it has no rows, or no names for its columns.
pub(super) fn value(rows: &[Vec<String>]) -> Option<Value> {
    let (head, rows) = rows.split_first()?;
    if rows.is_empty() || head.is_empty() {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for (index, cell) in head.iter().enumerate() {
        let name = match cell.trim() {
            "" if index == 0 => "name".to_owned(),
            "" => format!("column_{}", index + 1),
            text => var_name(text),
        };
        let mut unique = name.clone();
        while names.contains(&unique) {
            unique.push_str("_2");
        }
        names.push(unique);
    }
    let cells = |column: usize| rows.iter().map(move |row| row.get(column).map_or("", |cell| plain(cell)));
    let numbers: Vec<bool> = (0..names.len()).map(|column| cells(column).all(is_number)).collect();
    let of = |row: &[String], column: usize| {
        let cell = row.get(column).map_or("", |cell| plain(cell));
        match (numbers[column], cell.parse::<i64>(), cell.parse::<f64>()) {
            (true, Ok(whole), _) => json!(whole),
            (true, _, Ok(number)) => json!(number),
            _ => json!(cell),
        }
    };
    let keys: Vec<String> = cells(0).map(key).collect();
    let apart = keys.iter().all(|key| !key.is_empty())
        && keys.iter().collect::<std::collections::HashSet<_>>().len() == keys.len();
    if !apart || names.len() == 1 {
        let all = |row: &[String]| -> Value {
            if names.len() == 1 {
                return of(row, 0);
            }
            Value::Object(
                names.iter().enumerate().map(|(column, name)| (name.clone(), of(row, column))).collect(),
            )
        };
        return Some(Value::Array(rows.iter().map(|row| all(row)).collect()));
    }
    let mut map = Map::new();
    for (row, key) in rows.iter().zip(keys) {
        let written = row.first().map_or("", |cell| plain(cell));
        let mut entry = Map::new();
        if !written.eq_ignore_ascii_case(&key) {
            // What the key stands for, where it is not the same.
            entry.insert(names[0].clone(), json!(written));
        }
        entry.extend((1..names.len()).map(|column| (names[column].clone(), of(row, column))));
        map.insert(key, Value::Object(entry));
    }
    Some(Value::Object(map))
}

/// Returns a cell without the marks of a font.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    let inside = cell.trim_matches(['`', '*']);
    // `*.example.org` is none.
    if cell.starts_with('`') || cell.starts_with("**") { inside } else { cell }
}

/// `007` and `1e3` are text, and so is a number that would not be written like that again.
fn is_number(cell: &str) -> bool {
    cell.parse::<i64>().is_ok_and(|whole| whole.to_string() == cell)
        || cell.parse::<f64>().is_ok_and(|number| number.is_finite() && format!("{number:?}") == cell)
}

/// Returns what a row is called: a name as it stands, words in lower case.
fn key(cell: &str) -> String {
    let lower = cell.to_lowercase();
    if !cell.is_empty()
        && cell.len() <= 60
        && lower.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))
    {
        return lower;
    }
    let words = cell.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[&str]]) -> Value {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect();
        value(&rows).unwrap_or(Value::Null)
    }

    #[test]
    fn rows_are_found_by_their_first_column_where_it_tells_them_apart() {
        assert_eq!(
            of(&[&["Level", "Min ACU", "Note"], &["Normal", "2", "70%"], &["+3 months (high)", "4", "-"]]),
            json!({"normal": {"min_acu": 2, "note": "70%"}, "3_months_high": {"level": "+3 months (high)", "min_acu": 4, "note": "-"}})
        );
        assert_eq!(
            of(&[&["S", "x"], &["`api-gateway`", "1"], &["b", "n/a"]]),
            json!({"api-gateway": {"x": "1"}, "b": {"x": "n/a"}})
        );
        assert_eq!(
            of(&[&["a", "b"], &["x", "1.5"], &["x", "2.5"]]),
            json!([{"a": "x", "b": 1.5}, {"a": "x", "b": 2.5}])
        );
        assert_eq!(of(&[&["", "b", "b"], &["x", "007"]]), json!({"x": {"b": "007", "b_2": ""}}));
        assert_eq!(of(&[&["host"], &["a"], &["b"]]), json!(["a", "b"]));
        assert_eq!(of(&[&["a"]]), Value::Null);
    }
}
