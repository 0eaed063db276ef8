internal import ArgumentParser

/// The flags for what is shown to people.
struct DashboardFlags: ParsableArguments {
    @Flag(help: "Serve no dashboard on the admin side.")
    var noDashboard = false

    /// The values that were given, by the key of their setting.
    var given: [String: [String]] {
        noDashboard ? ["no_dashboard": ["true"]] : [:]
    }
}
