//! JSON laid out to be read: what fits into a line stands in one, and keys stay in the order they came in.

use std::fmt::Write;

use crate::ordered::Node;

/// How many characters a line may have, if it can be broken at all.
const WIDTH: usize = 110;

/// Lays JSON out.
pub fn laid_out(text: &str) -> String {
    let mut out = String::new();
    lay_out(&mut out, &Node::of(text), 0, 0);
    out.push('\n');
    out
}

/// A value in one line.
fn in_one_line(node: &Node<'_>) -> String {
    match node {
        Node::Leaf(text) => (*text).to_owned(),
        Node::List(items) => format!("[{}]", items.iter().map(in_one_line).collect::<Vec<_>>().join(", ")),
        Node::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", in_one_line(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Writes a value behind what stands in its line already.
fn lay_out(out: &mut String, node: &Node<'_>, indent: usize, before: usize) {
    let short = in_one_line(node);
    let is_outermost = indent == 0;
    if !is_outermost && before + short.chars().count() <= WIDTH {
        out.push_str(&short);
        return;
    }
    let deeper = indent + 2;
    let line = |out: &mut String, nth: usize, name: &str, value: &Node<'_>| {
        let _ = write!(out, "{}\n{:deeper$}{name}", if nth == 0 { "" } else { "," }, "");
        lay_out(out, value, deeper, deeper + name.chars().count());
    };
    let ends = match node {
        Node::Leaf(text) => return out.push_str(text),
        Node::List(items) => {
            out.push('[');
            items.iter().enumerate().for_each(|(nth, value)| line(out, nth, "", value));
            ']'
        }
        Node::Object(fields) => {
            out.push('{');
            for (nth, (name, value)) in fields.iter().enumerate() {
                line(out, nth, &format!("{name}: "), value);
            }
            '}'
        }
    };
    let _ = write!(out, "\n{:indent$}{ends}", "");
}

#[test]
fn what_fits_stands_in_a_line_and_keys_keep_their_order() {
    let long = "x".repeat(90);
    let text = format!(r#"{{"b":[1,true,{{"z":null,"a":"\"}}, {{"}}],"a":{{"long":"{long}","list":[]}}}}"#);
    let expected = format!(
        "{{\n  \"b\": [1, true, {{\"z\": null, \"a\": \"\\\"}}, {{\"}}],\n  \"a\": {{\n    \"long\": \"{long}\",\n    \"list\": []\n  }}\n}}\n"
    );
    assert_eq!(laid_out(&text), expected);
}
