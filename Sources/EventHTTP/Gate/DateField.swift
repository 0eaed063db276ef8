internal import Glibc

/// The Date field of replies (RFC 9110, section 6.6.1), made once a second.
struct DateField {
    private var text = InlineArray<37, UInt8>(repeating: 0)

    init() {
        update()
    }

    /// Takes the present time.
    mutating func update() {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let line =
            "Date: \(Self.days[Int(parts.tm_wday)]), \(Self.two(parts.tm_mday)) "
            + "\(Self.months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
            + "\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec)) GMT\r\n"
        for (index, byte) in line.utf8.enumerated() { text[index] = byte }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        withUnsafeBytes(of: text, body)
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func two(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
