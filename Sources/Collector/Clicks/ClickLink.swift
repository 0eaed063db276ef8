internal import POSIX
internal import Tracking

/// A signed link, as `footfall sign-link` makes it.
public struct ClickLink: CustomStringConvertible {
    /// The link.
    public let description: String

    /// Why there is none.
    public enum Failure: Error, Equatable {
        /// One of the arguments cannot be used: which, and what is expected.
        case argument(String)
        /// There is no key that could sign it.
        case noKey
    }

    /// A link to `url` that is valid for the time `expires`, such as `7d`, from now on, or always. It
    /// is signed with the first key of `configuration`. `base` is the address of the collector's
    /// `/click`, or its path alone.
    public init(
        to url: String, expires: String?, base: String, _ configuration: Configuration
    ) throws(Failure) {
        guard let target = ClickTarget(Array(url.utf8)) else {
            throw .argument(
                "'\(url)': expected an http:// or https:// URL in ASCII characters, with a plain host"
            )
        }
        guard Self.isBase(base) else {
            throw .argument(
                "'\(base)': expected an address such as https://t.example/click, or a path")
        }
        var expiry: UInt64 = 0
        if let expires {
            do throws(Setting.InvalidValue) {
                let now = Clock.microsecondsSinceEpoch() / 1_000_000
                expiry = UInt64(now) + UInt64(try UnitValue.seconds(expires).rounded(.up))
            } catch {
                throw .argument(error.reason)
            }
        }
        guard let key = configuration.clicks.keys.first else { throw .noKey }
        let signature = key.signature(of: target, expiry: expiry)
        let (u, k) = (
            configuration.parameterAliases.sentName(of: "u"),
            configuration.parameterAliases.sentName(of: "k")
        )
        description = "\(base)?\(u)=\(PercentEncoding.encode(target.bytes))&\(k)=\(signature)"
    }

    private static func isBase(_ text: String) -> Bool {
        guard !text.contains("?"), !text.contains("#") else { return false }
        // The host is of no interest if there is only a path.
        return ClickTarget(Array((text.hasPrefix("/") ? "http://host\(text)" : text).utf8)) != nil
    }
}
