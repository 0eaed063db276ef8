import EventHTTP
import Testing

@Suite struct ListenAddressTests {
    @Test(
        "an address is read and written alike",
        arguments: [
            ("127.0.0.1:8000", ListenAddress.tcp(host: "127.0.0.1", port: 8000)),
            ("localhost:0", .tcp(host: "localhost", port: 0)),
            ("[::1]:65535", .tcp(host: "::1", port: 65535)),
            ("unix:/run/footfall.sock", .unix(path: "/run/footfall.sock")),
        ])
    func reads(_ text: String, _ address: ListenAddress) throws {
        #expect(try ListenAddress(parsing: text) == address)
        #expect(address.description == text)
    }

    @Test(
        "what is no address says what is expected",
        arguments: [
            ("8000", "expected HOST:PORT"), ("127.0.0.1", "expected HOST:PORT"),
            (":8000", "expected HOST:PORT"), ("127.0.0.1:", "a port is a number"),
            ("127.0.0.1:65536", "a port is a number"), ("127.0.0.1:http", "a port is a number"),
            ("::1:8000", "goes in brackets"), ("unix:", "1 to 107 bytes"), ("", "HOST:PORT"),
            ("unix:/" + String(repeating: "x", count: 107), "1 to 107 bytes"),
        ])
    func refuses(_ text: String, _ reason: String) {
        #expect {
            try ListenAddress(parsing: text)
        } throws: {
            "\($0)".contains(reason)
        }
    }
}
