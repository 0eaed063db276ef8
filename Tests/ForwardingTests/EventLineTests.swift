import Testing

@testable import Forwarding

@Suite struct EventLineTests {
    @Test(
        "a member is found at the top level only, whatever stands around it",
        arguments: [
            (#"{"v":1,"id":"x","visitor":"y"}"#, "y"), (#"{"visitor":"y"}"#, "y"),
            (#"{"params":{"visitor":"no","a":"}"},"visitor":"y"}"#, "y"),
            (#"{"query":"\",\"visitor\":\"no\"","visitor":"y","data":{}}"#, "y"),
            (#"{"query":"\\","params":{"a\\\"":"\\\\"},"visitor":"y"}"#, "y"),
            (#"{"a":[1,{"visitor":"no"}],"b":-1.5e3,"c":true,"visitor":"y"}"#, "y"),
            (#"{"data":{"visitor":"no"}}"#, ""), (#"{"visitors":"no"}"#, ""),
            (#"{"visitor":7}"#, ""), (#"{"visitor":{"a":1}}"#, ""), ("", ""), ("{", ""),
            (#"{"visitor"#, ""), (#"{"visitor":"y"#, ""), (#"{"a":"\"#, ""), (#"{"a":{"b""#, ""),
            ("no event", ""), (#"{"a":1 "visitor":"no"}"#, ""),
        ])
    func member(_ text: String, _ expected: String) {
        let bytes = Array(text.utf8)
        let found = bytes.withUnsafeBytes {
            String(decoding: EventLine($0).string("visitor"), as: UTF8.self)
        }
        #expect(found == expected)
    }
}
