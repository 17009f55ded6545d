//! What a PDF says of the e-invoice inside it (Factur-X 1.0, section 6.3): properties in its metadata, and their schema.
//!
//! The library that writes the PDF has no way to add them, so they are appended: a new version of the object that holds the
//! metadata, and a table that points to it (ISO 32000-1, 7.5.6, incremental updates).

use super::PdfError;

pub(super) const FILE_NAME: &str = "factur-x.xml";

const SCHEMA: &str = r#"<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema><pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>"#;
const SCHEMA_END: &str = "</rdf:Seq></pdfaSchema:property></rdf:li>";
/// Each property, its value, and what it means.
const PROPERTIES: [(&str, &str, &str); 4] = [
    ("DocumentFileName", FILE_NAME, "name of the embedded XML invoice file"),
    ("DocumentType", "INVOICE", "INVOICE"),
    ("Version", "1.0", "the version of the Factur-X standard"),
    ("ConformanceLevel", "EN 16931", "the profile of the embedded invoice"),
];
const NAMESPACE: &str = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#";
const BAG_END: &str = "</rdf:Bag></pdfaExtension:schemas>";
const RDF_END: &str = "</rdf:RDF>";

/// The same file, with what it says of its e-invoice.
pub(super) fn declared(mut pdf: Vec<u8>) -> Result<Vec<u8>, PdfError> {
    let lost = |what: &str| PdfError::Write(format!("cannot find {what} in the file"));
    let find = |from: usize, text: &[u8]| {
        pdf.get(from..).and_then(|rest| rest.windows(text.len()).position(|window| window == text)).map(|at| from + at)
    };
    let find_last = |before: usize, text: &[u8]| {
        pdf.get(..before).and_then(|rest| rest.windows(text.len()).rposition(|window| window == text))
    };
    // The last one: a picture may have brought its own.
    let packet = find_last(pdf.len(), b"<?xpacket begin").ok_or_else(|| lost("the metadata"))?;
    let stream = find_last(packet, b"stream").ok_or_else(|| lost("the stream of the metadata"))?;
    let end = find(packet, b"endstream").ok_or_else(|| lost("the end of the metadata"))?;
    let object = find_last(stream, b" obj").ok_or_else(|| lost("the object of the metadata"))?;
    // `12 0 obj`: the number stands at the beginning of the line.
    let line = find_last(object, b"\n").map_or(0, |at| at + 1);
    let number: u32 =
        text(&pdf[line..object]).split(' ').next().and_then(|n| n.parse().ok()).ok_or_else(|| lost("its number"))?;
    let old = text(&pdf[packet..end]).trim_end().to_owned();

    let mut properties = String::new();
    let mut schema = SCHEMA.to_owned();
    for (name, value, meaning) in PROPERTIES {
        properties.push_str(&format!("<fx:{name}>{value}</fx:{name}>"));
        schema.push_str(&format!(
            "<rdf:li rdf:parseType=\"Resource\"><pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>{meaning}</pdfaProperty:description></rdf:li>"
        ));
    }
    schema.push_str(SCHEMA_END);
    let described = format!("<rdf:Description rdf:about=\"\" xmlns:fx=\"{NAMESPACE}\">{properties}</rdf:Description>");
    let (before, after) = old.split_once(BAG_END).ok_or_else(|| lost("the schemas of the metadata"))?;
    let new = format!("{before}{schema}{BAG_END}{after}");
    let (before, after) = new.rsplit_once(RDF_END).ok_or_else(|| lost("the end of the description"))?;
    let new = format!("{before}{described}{RDF_END}{after}");

    let startxref = find_last(pdf.len(), b"startxref").ok_or_else(|| lost("the cross-reference table"))?;
    let previous = text(&pdf[startxref + b"startxref".len()..]).split_whitespace().next().unwrap_or("0").to_owned();
    let trailer = find_last(startxref, b"trailer").ok_or_else(|| lost("the trailer"))?;
    let trailer = text(&pdf[trailer + b"trailer".len()..startxref]).trim().to_owned();
    let entries =
        trailer.strip_prefix("<<").and_then(|rest| rest.strip_suffix(">>")).ok_or_else(|| lost("the trailer"))?;

    if !pdf.ends_with(b"\n") {
        pdf.push(b'\n');
    }
    let at = pdf.len();
    pdf.extend_from_slice(
        format!(
            "{number} 0 obj\n<<\n  /Length {}\n  /Type /Metadata\n  /Subtype /XML\n>>\nstream\n{new}\nendstream\nendobj\n\n",
            new.len()
        )
        .as_bytes(),
    );
    let table = pdf.len();
    pdf.extend_from_slice(
        format!(
            "xref\n{number} 1\n{at:010} 00000 n\r\ntrailer\n<<{}  /Prev {previous}\n>>\nstartxref\n{table}\n%%EOF\n",
            entries.trim_end_matches('\n').to_owned() + "\n"
        )
        .as_bytes(),
    );
    Ok(pdf)
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
