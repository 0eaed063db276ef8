/// JSON for what is not on the path of a hit.
public enum JSONText {
    /// A string with its quotes; what is not UTF-8 becomes U+FFFD.
    public static func string(_ bytes: Span<UInt8>) -> String {
        "\"" + String(decoding: JSONWriter.escaped(bytes), as: UTF8.self) + "\""
    }

    /// A string with its quotes.
    public static func string(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return string(bytes.span)
    }
}
