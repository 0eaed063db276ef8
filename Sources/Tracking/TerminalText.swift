/// Bytes of a request as text for a terminal or a log.
public enum TerminalText {
    /// The bytes as UTF-8, with every character escaped that a terminal could act on: controls
    /// (C0, DEL, C1), line separators and the marks that reorder text. What is not UTF-8 becomes
    /// U+FFFD.
    public static func escaped(_ bytes: some Collection<UInt8>) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if isUnsafe(scalar) {
                let digits = String(scalar.value, radix: 16)
                text += "\\u{\(digits)}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// A string of JSON, with its quotes, of which the same characters are escaped.
    public static func json(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case _ where isUnsafe(scalar):
                // A pair of surrogates for what is beyond the basic plane (RFC 8259, section 7).
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
