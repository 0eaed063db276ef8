extension Setting {
    /// What is shown to people.
    static let dashboard: [Setting] = [
        scalar("no_dashboard") { (configuration, value) throws(InvalidValue) in
            configuration.servesDashboard = !(try flag(value))
        } value: {
            String(!$0.servesDashboard)
        }
    ]
}
