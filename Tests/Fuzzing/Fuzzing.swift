import CLibFuzzer
import Foundation

/// Feeds what libFuzzer invents to one of Footfall's readers, under AddressSanitizer. What a reader
/// says of its input is compared with a slow and simple reading of the same; a difference is a trap.
///
/// `FOOTFALL_READER=head footfall-fuzz [options and corpora of libFuzzer]`, usually by `make fuzz`.
/// The reader is not an argument, because libFuzzer starts itself again with its own.
@main
struct Fuzzing {
    typealias Test = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

    private static func test(of reader: String?) -> Test? {
        switch reader {
        case "head": { fuzz($0, $1, fuzzHead) }
        case "chunks": { fuzz($0, $1, fuzzChunks) }
        case "proxy": { fuzz($0, $1, fuzzProxyHeader) }
        case "query": { fuzz($0, $1, fuzzQuery) }
        case "cookie": { fuzz($0, $1, fuzzCookie) }
        case "event": { fuzz($0, $1, fuzzEvent) }
        case "beacon": { fuzz($0, $1, fuzzBeacon) }
        default: nil
        }
    }

    static func main() {
        guard let test = test(of: ProcessInfo.processInfo.environment["FOOTFALL_READER"]) else {
            print("FOOTFALL_READER has to be head, chunks, proxy, query, cookie, event or beacon")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
            CommandLine.unsafeArgv
        exit(LLVMFuzzerRunDriver(&count, &arguments, test))
    }
}

private func fuzz(
    _ start: UnsafePointer<UInt8>?, _ count: Int, _ test: (UnsafeBufferPointer<UInt8>) -> Void
) -> CInt {
    test(UnsafeBufferPointer(start: start, count: count))
    return 0
}
