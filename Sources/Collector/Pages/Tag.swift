internal import Tracking

/// The tag for requests of `path`: `tag.js` with the names that are configured.
func tagScript(path: String, _ paths: PathOptions, _ aliases: ParameterAliases) -> String {
    var text = tagScriptText
    let names = ["e", "t", "u", "ref", "n", "s", "data"].map {
        ("name:\($0)", aliases.sentName(of: $0))
    }
    let places = [
        ("path:tag", path), ("path:beacon", paths.beacon.first ?? ""),
        ("path:image", paths.image.first ?? ""),
    ]
    for (name, value) in names + places { text = text.replacing("{\(name)}", with: value) }
    return text
}
