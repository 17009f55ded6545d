//! Elements, one after the other.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// A text that grows by elements.
pub(super) struct Xml(Writer<Vec<u8>>);

type Done = std::io::Result<()>;
/// Attributes and their values.
type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Xml {
    /// A document whose root has these namespaces.
    pub fn document(
        root: &str,
        namespaces: Attributes<'_>,
        content: impl FnOnce(&mut Self) -> Done,
    ) -> std::io::Result<String> {
        let mut xml = Self(Writer::new_with_indent(Vec::new(), b' ', 1));
        xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.group_with(root, namespaces, content)?;
        let mut text = xml.0.into_inner();
        text.push(b'\n');
        String::from_utf8(text).map_err(std::io::Error::other)
    }

    /// An element that holds others.
    pub fn group(&mut self, name: &str, content: impl FnOnce(&mut Self) -> Done) -> Done {
        self.group_with(name, &[], content)
    }

    fn group_with(&mut self, name: &str, attributes: Attributes<'_>, content: impl FnOnce(&mut Self) -> Done) -> Done {
        let mut start = BytesStart::new(name);
        start.extend_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start))?;
        content(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element that holds text.
    pub fn text(&mut self, name: &str, text: impl AsRef<str>) -> Done {
        self.text_with(name, &[], text)
    }

    /// The same with attributes.
    pub fn text_with(&mut self, name: &str, attributes: Attributes<'_>, text: impl AsRef<str>) -> Done {
        let clean: String = text.as_ref().chars().filter(|c| is_allowed(*c)).collect();
        let mut element = self.0.create_element(name);
        for attribute in attributes {
            element = element.with_attribute(*attribute);
        }
        element.write_text_content(BytesText::new(clean.trim())).map(|_| ())
    }

    /// An element that holds text, unless the text is empty: EN 16931 does not want empty elements (PEPPOL-EN16931-R008).
    pub fn some(&mut self, name: &str, text: &str) -> Done {
        if text.trim().is_empty() { Ok(()) } else { self.text(name, text) }
    }
}

/// Whether XML 1.0 can hold it.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
