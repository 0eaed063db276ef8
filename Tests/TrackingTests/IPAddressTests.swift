import Testing

@testable import Tracking

@Suite struct IPAddressTests {
    private func address(_ text: String) -> IPAddress? {
        let bytes = Array(text.utf8)
        return IPAddress(text: bytes.span)
    }

    @Test("the same address is the same, however it is written")
    func equal() {
        #expect(address("192.0.2.1") == address("::ffff:192.0.2.1"))
        #expect(address("2001:db8::1") == address("2001:0DB8:0:0::0001"))
        #expect(address("0.10.255.0") == address("::ffff:a:ff00"))
        #expect(address("192.0.2.1") != address("192.0.2.2"))
        #expect(address("::") != address("0.0.0.0"))
        #expect(address("192.0.2.1")?.isIPv4 == true)
        #expect(address("2001:db8::1")?.isIPv4 == false)
    }

    @Test(
        "what is no address is none",
        arguments: [
            "", " ", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4:80",
            "[::1]", "::1]", ":::", "fe80::1%eth0", "unknown", "_hidden", "1.2.3.4\0", "ä",
            "0000:0000:0000:0000:0000:0000:0000:0000:0001", "1:2:3:4:5:6:7:8:9",
            "01.2.3.4", "1.2.3.00", "1.2..3", "1.2.3.", ".1.2.3", "1.2.3.1000000000000000000000",
        ])
    func invalid(_ text: String) {
        #expect(address(text) == nil)
    }

    @Test(
        "a block holds the addresses with its prefix",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false),
            ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.0", false),
            ("192.0.2.7/31", "192.0.2.6", true), ("192.0.2.7/31", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/33", "2001:db8:7fff::", true), ("2001:db8::/33", "2001:db8:8000::", false),
            ("::1", "::1", true), ("::/0", "2001:db8::1", true), ("::1/128", "::2", false),
            ("2001:db8::/64", "2001:db8:0:0:ffff::", true),
            ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ])
    func blocks(_ block: String, _ text: String, _ isIn: Bool) throws {
        let member = try #require(address(text))
        #expect(try #require(AddressBlock(block)).contains(member) == isIn)
    }

    @Test(
        "what is no block is none",
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "a/8",
            "10.0.0.0/ 8",
        ])
    func invalidBlocks(_ text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
