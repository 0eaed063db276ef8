/// A header field of every request.
struct HeaderField: Equatable {
    let name: String
    let value: String

    /// A field as it is written in this program.
    init(_ name: String, _ value: String) {
        (self.name, self.value) = (name, value)
    }

    /// Reads `Name: value`. An empty value takes away a field that would be sent otherwise.
    init(parsing text: String) throws(InvalidValue) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0]
        let isToken =
            !name.isEmpty
            && name.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7f && !"()<>@,;:\\\"/[]?={}".utf8.contains($0)
            }
        let value = parts.dropFirst().first.map { Self.trimmed($0) } ?? ""
        guard parts.count == 2, isToken, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw InvalidValue(description: "'\(text)': expected a header field, 'Name: value'")
        }
        guard !["content-length", "transfer-encoding"].contains(name.lowercased()) else {
            throw InvalidValue(description: "'\(text)': the length of a body is not for you to say")
        }
        self.init(String(name), value)
    }

    /// Whether both have the same name.
    func names(_ other: String) -> Bool { name.lowercased() == other.lowercased() }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        let count = start.reversed().prefix { $0 == " " || $0 == "\t" }.count
        return String(start.dropLast(count))
    }
}
