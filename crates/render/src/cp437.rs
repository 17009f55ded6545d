//! Code page 437 of the IBM PC, the one character set of SIE files (`#FORMAT PC8`).

/// What the bytes from 128 on stand for, in their order (Unicode's mapping table `CP437.TXT`).
const HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The bytes of a text; what the code page lacks becomes a question mark.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    text.chars().map(byte).collect()
}

fn byte(char: char) -> u8 {
    if char.is_ascii() {
        return u8::try_from(char).unwrap_or(b'?');
    }
    let place = HIGH.chars().position(|high| high == char);
    place.and_then(|place| u8::try_from(place + 128).ok()).unwrap_or(b'?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_reached_once() {
        let encoded = encode(HIGH);
        assert_eq!(encoded, (128..=255).collect::<Vec<u8>>());
        assert_eq!(encode("åäö ÅÄÖ é Ł €"), b"\x86\x84\x94 \x8f\x8e\x99 \x82 ? ?");
    }
}
