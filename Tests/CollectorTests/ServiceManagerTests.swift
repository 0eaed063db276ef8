import Testing

@testable import Collector

@Suite struct ServiceManagerTests {
    private func manager(_ variables: [String: String]) -> ServiceManager {
        ServiceManager(processID: 42) { variables[$0] }
    }

    @Test(
        "only sockets that are for this process are taken",
        arguments: [
            ([:], []),
            (["LISTEN_PID": "42", "LISTEN_FDS": "2"], [("", 3), ("", 4)]),
            (
                ["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:admin"],
                [("http", 3), ("admin", 4)]
            ),
            (["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a"], [("a", 3), ("", 4)]),
            (["LISTEN_PID": "41", "LISTEN_FDS": "2"], []),
            (["LISTEN_FDS": "2"], []),
            (["LISTEN_PID": "x", "LISTEN_FDS": "2"], []),
            (["LISTEN_PID": "42", "LISTEN_FDS": "-1"], []),
            (["LISTEN_PID": "42", "LISTEN_FDS": "many"], []),
        ] as [([String: String], [(String, Int32)])])
    func sockets(_ variables: [String: String], _ expected: [(String, Int32)]) {
        #expect(
            manager(variables).sockets
                == expected.map { ServiceManager.Socket(name: $0.0, descriptor: $0.1) })
    }

    @Test("no more sockets are taken than a process can reasonably be given")
    func manySockets() {
        #expect(manager(["LISTEN_PID": "42", "LISTEN_FDS": "2147483647"]).sockets.count == 64)
    }

    @Test(
        "the watchdog is fed if it waits for this process",
        arguments: [
            ([:], nil), (["WATCHDOG_USEC": "30000000"], 30),
            (["WATCHDOG_USEC": "500000", "WATCHDOG_PID": "42"], 0.5),
            (["WATCHDOG_USEC": "500000", "WATCHDOG_PID": "41"], nil),
            (["WATCHDOG_USEC": "soon"], nil), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "-1"], nil),
        ] as [([String: String], Double?)])
    func watchdog(_ variables: [String: String], _ seconds: Double?) {
        #expect(manager(variables).watchdogSeconds == seconds)
    }
}
