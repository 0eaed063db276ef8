internal import ArgumentParser

/// The flags for what things are called.
struct NameFlags: ParsableArguments {
    @Option(
        name: .long, parsing: .singleValue,
        help: "A path of the script pixel. May be repeated, as all paths. [/track.js]")
    var scriptPaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path of the image. [/track.gif]")
    var imagePaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path for beacons. [/track]")
    var beaconPaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path of click links. [/click]")
    var clickPaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path of the cache buster. [/buster.js]")
    var busterPaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path of the tag. [/tag.js]")
    var tagPaths: [String] = []

    @Option(name: .long, parsing: .singleValue, help: "A path of the opt-out page. [/opt-out]")
    var optOutPaths: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: "A path of the page on which to opt in again. [/opt-in]")
    var optInPaths: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: """
            Another name of a parameter, as ALIAS=NAME; scripts send the alias, events have the \
            name. May be repeated. [none]
            """)
    var parameterAliases: [String] = []

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        [
            "script_paths": scriptPaths, "image_paths": imagePaths, "beacon_paths": beaconPaths,
            "click_paths": clickPaths, "buster_paths": busterPaths, "tag_paths": tagPaths,
            "opt_out_paths": optOutPaths,
            "opt_in_paths": optInPaths,
            "parameter_aliases": parameterAliases,
        ].filter { !$0.value.isEmpty }
    }
}
