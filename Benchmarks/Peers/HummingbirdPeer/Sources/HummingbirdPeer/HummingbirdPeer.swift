import Hummingbird
import Logging

/// Hummingbird on SwiftNIO with one route. It makes no event and writes none; its reply is as long
/// as Footfall's.
///
/// `HummingbirdPeer PORT`: serves 127.0.0.1 until it is killed.
@main
struct HummingbirdPeer {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
            print("usage: HummingbirdPeer PORT")
            return
        }
        let router = Router()
        router.get("track.js") { _, _ in
            Response(
                status: .ok,
                headers: [
                    .crossOriginResourcePolicy: "cross-origin",
                    .xContentTypeOptions: "nosniff",
                    .setCookie:
                        "id=00000000-0000-4000-8000-000000000000; Path=/; Max-Age=31536000; "
                        + "HttpOnly; SameSite=Lax",
                    .contentType: "application/javascript", .cacheControl: "no-store",
                ])
        }
        var logger = Logger(label: "peer")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            logger: logger)
        try await application.runService()
    }
}
