//! JSON with its keys in the order they came in, which the JSON of everybody else forgets.

/// A value, by its places in the text it was read from.
pub enum Node<'a> {
    Leaf(&'a str),
    List(Vec<Node<'a>>),
    /// The names have their quotes.
    Object(Vec<(&'a str, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Reads JSON. It must be JSON: this is no judge of it.
    pub fn of(text: &'a str) -> Self {
        let mut rest = text.trim_start();
        node(&mut rest)
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known.trim_matches('"') == name).map(|(_, value)| value)
    }
}

/// Takes off whether the text goes on with this.
fn eat(rest: &mut &str, sign: char) -> bool {
    *rest = rest.trim_start();
    let Some(left) = rest.strip_prefix(sign) else { return false };
    *rest = left;
    true
}

/// Takes so many bytes off.
fn take<'a>(rest: &mut &'a str, bytes: usize) -> &'a str {
    let (taken, left) = rest.split_at(bytes);
    *rest = left;
    taken
}

fn string<'a>(rest: &mut &'a str) -> &'a str {
    *rest = rest.trim_start();
    let mut is_escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    take(rest, end.expect("the end of a string").0 + 1)
}

fn node<'a>(rest: &mut &'a str) -> Node<'a> {
    if eat(rest, '[') {
        let mut items = Vec::new();
        while !eat(rest, ']') {
            items.push(node(rest));
            eat(rest, ',');
        }
        return Node::List(items);
    }
    if eat(rest, '{') {
        let mut fields = Vec::new();
        while !eat(rest, '}') {
            let name = string(rest);
            assert!(eat(rest, ':'), "a colon before {rest}");
            fields.push((name, node(rest)));
            eat(rest, ',');
        }
        return Node::Object(fields);
    }
    *rest = rest.trim_start();
    if rest.starts_with('"') {
        return Node::Leaf(string(rest));
    }
    let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
    Node::Leaf(take(rest, end).trim_end())
}
