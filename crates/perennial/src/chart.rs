//! Bar charts as SVG, whole numbers all the way.

use std::fmt::Write;

/// The height of the tallest bar, in units of the picture.
const HEIGHT: i64 = 160;
/// The width of a bar with the room beside it.
const STEP: i64 = 24;
/// Room above a chart for its title, and below it for its labels.
const ABOVE: i64 = 40;
const BELOW: i64 = 70;
/// Room at the left and the right.
const ASIDE: i64 = 20;

/// One bar.
pub struct Bar {
    pub label: String,
    pub value: i64,
    /// What is told when one points at it.
    pub text: String,
}

/// Charts with their titles, one below the other.
pub fn chart(charts: &[(String, Vec<Bar>)]) -> String {
    let most = charts.iter().map(|(_, bars)| bars.len()).max().unwrap_or(0);
    let width = 2 * ASIDE + STEP * i64::try_from(most).unwrap_or(0).max(12);
    let each = ABOVE + HEIGHT + BELOW;
    let height = each * i64::try_from(charts.len()).unwrap_or(0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for ((title, bars), top) in charts.iter().zip((0..).map(|nth: i64| nth * each)) {
        // Writing to a string cannot fail.
        let _ = writeln!(svg, "<text x=\"{ASIDE}\" y=\"{}\" font-size=\"14\">{}</text>", top + 24, escaped(title));
        let tallest = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
        let ground = top + ABOVE + HEIGHT;
        for (bar, left) in bars.iter().zip((0..).map(|nth: i64| ASIDE + nth * STEP)) {
            let scaled = i128::from(bar.value.max(0)) * i128::from(HEIGHT) / i128::from(tallest);
            let tall = i64::try_from(scaled).unwrap_or(HEIGHT);
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{}\" width=\"{}\" height=\"{tall}\" fill=\"#2f6f4f\"><title>{}: {}</title></rect>",
                ground - tall,
                STEP - 6,
                escaped(&bar.label),
                escaped(&bar.text)
            );
            let (x, y) = (left + 6, ground + 12);
            let label = escaped(&bar.label);
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" transform=\"rotate(60 {x} {y})\">{label}</text>");
        }
        let end = width - ASIDE;
        let _ = writeln!(svg, "<path d=\"M{ASIDE} {ground}H{end}\" stroke=\"#333333\"/>");
    }
    svg.push_str("</svg>");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_is_as_high_as_the_chart() {
        let bar = |label: &str, value| Bar { label: label.to_owned(), value, text: format!("{value} <net>") };
        let svg =
            chart(&[("A & B".to_owned(), vec![bar("2027-01", 500), bar("2027-02", i64::MAX), bar("2027-03", 0)])]);
        assert!(svg.contains("height=\"160\" fill") && svg.contains("height=\"0\" fill"), "{svg}");
        assert!(svg.contains("A &amp; B") && svg.contains("500 &lt;net&gt;"), "{svg}");
    }
}
