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

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
