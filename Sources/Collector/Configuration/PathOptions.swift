/// The paths of the public listener. Each thing can have several; its pages and scripts use the
/// first.
public struct PathOptions: Equatable, Sendable {
    var script = ["/track.js"]
    var image = ["/track.gif"]
    var beacon = ["/track"]
    var click = ["/click"]
    var buster = ["/buster.js"]
    var tag = ["/tag.js"]
    var optOut = ["/opt-out"]
    var optIn = ["/opt-in"]

    /// The longest path, in bytes.
    static let bytesMax = 200

    /// The defaults.
    init() {}

    /// The lists by the keys of their settings.
    static let keys: [(key: String, list: any WritableKeyPath<PathOptions, [String]> & Sendable)] =
        [
            ("script_paths", \.script), ("image_paths", \.image), ("beacon_paths", \.beacon),
            ("click_paths", \.click), ("buster_paths", \.buster), ("tag_paths", \.tag),
            ("opt_out_paths", \.optOut),
            ("opt_in_paths", \.optIn),
        ]

    /// Whether a request can have that path as it stands: nothing in it would be encoded.
    static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.count <= bytesMax
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7f && !#"?#"'<>\`{}|^"#.utf8.contains(byte)
            }
    }

    /// A path that stands for two things, with the keys that say so; nil if there is none.
    func objection(demo: [String]) -> (keys: [String], reason: String)? {
        var taken: [String: String] = [:]
        for path in demo + ["/favicon.ico", "/robots.txt", "/.well-known/gpc.json"] {
            taken[path] = ""
        }
        for (key, list) in Self.keys {
            for path in self[keyPath: list] {
                guard let other = taken.updateValue(key, forKey: path) else { continue }
                let reason =
                    switch other {
                    case "": "a page of the collector's own"
                    case key: "there twice"
                    default: "in both \(other) and \(key)"
                    }
                return ([key, other], "'\(path)' is \(reason)")
            }
        }
        return nil
    }
}
