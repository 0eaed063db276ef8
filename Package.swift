// swift-tools-version:6.2
import PackageDescription

/// What every Swift target of Footfall is compiled with. `Lifetimes` allows functions of our own
/// to return a `Span` that borrows from their argument.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]

/// The commit that is built, as `make` says it; what SwiftPM itself knows of git it does not look up
/// again while this file stays the same.
let commit = Context.environment["FOOTFALL_COMMIT"] ?? "unknown"

let package = Package(
    name: "footfall",
    products: [
        .executable(name: "footfall", targets: ["FootfallCommand"]),
        .executable(name: "footfall-bare-loop", targets: ["BareLoop"]),
        .executable(name: "footfall-bench", targets: ["LoadTest"]),
        .executable(name: "footfall-log-speed", targets: ["LogSpeed"]),
    ],
    traits: [
        .default(enabledTraits: ["Kafka"]),
        .trait(name: "Kafka", description: "Forwarding to Apache Kafka. Needs librdkafka."),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibevent", pkgConfig: "libevent_extra", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(
            name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(
            name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(
            name: "CBuild", cSettings: [.define("FOOTFALL_COMMIT", to: "\"\(commit)\"")]),
        .target(name: "Bytes", swiftSettings: strict),
        .target(name: "Measuring", swiftSettings: strict),
        .target(name: "POSIX", dependencies: ["CLinux"], swiftSettings: strict),
        .target(
            name: "EventHTTP", dependencies: ["Bytes", "CLibevent", "CLinux", "POSIX"],
            swiftSettings: strict
        ),
        .target(
            name: "Tracking", dependencies: ["Bytes"],
            swiftSettings: strict + [.strictMemorySafety()]),
        .target(
            name: "EventLog",
            dependencies: ["Bytes", "CLinux", "CXXHash", "CZstd", "Measuring", "POSIX"],
            swiftSettings: strict),
        .target(
            name: "Forwarding",
            dependencies: [
                "EventLog", "POSIX", .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "KafkaForwarding", dependencies: ["CRdKafka", "Forwarding"],
            swiftSettings: strict),
        .target(
            name: "Collector",
            dependencies: [
                "Bytes", "CBuild", "CCrypto", "CLinux", "CZlib", "EventHTTP", "EventLog",
                "Forwarding", "Insight", "Measuring", "POSIX", "Tracking", "Yams",
                .target(name: "KafkaForwarding", condition: .when(traits: ["Kafka"])),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Bots/update-crawlers.py", "Pages/tag.js", "Pages/update-tag.py"],
            resources: [
                .embedInCode("Dashboard/dashboard.css"),
                .embedInCode("Dashboard/dashboard.html"),
                .embedInCode("Dashboard/dashboard.js"),
                .embedInCode("Pages/demo.js"),
            ],
            swiftSettings: strict),
        .target(
            name: "Insight", dependencies: ["EventLog", "POSIX", "Tracking"], swiftSettings: strict),
        .executableTarget(
            name: "FootfallCommand",
            dependencies: [
                "CLinux", "Collector", "Insight", "POSIX", "Tracking",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "BareLoop", dependencies: ["CLinux"], path: "Benchmarks/BareLoop",
            swiftSettings: strict),
        .executableTarget(
            name: "LoadTest",
            dependencies: [
                "CBuild", "CLinux", "EventHTTP", "EventLog", "POSIX",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Benchmarks/LoadTest", exclude: ["README.md"], swiftSettings: strict),
        .executableTarget(
            name: "LogSpeed", dependencies: ["EventLog", "POSIX"], path: "Benchmarks/LogSpeed",
            exclude: ["README.md"], swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["CLinux", "EventLog", "POSIX"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(
            name: "BytesTests", dependencies: ["Bytes", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "EventHTTPTests", dependencies: ["EventHTTP", "POSIX", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "TrackingTests", dependencies: ["TestSupport", "Tracking"], swiftSettings: strict),
        .testTarget(
            name: "EventLogTests", dependencies: ["EventLog", "POSIX", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ForwardingTests",
            dependencies: ["EventLog", "Forwarding", "POSIX", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "KafkaForwardingTests",
            dependencies: ["CRdKafka", "Forwarding", "KafkaForwarding", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "CollectorTests",
            dependencies: [
                "Collector", "EventHTTP", "EventLog", "Measuring", "POSIX", "TestSupport",
                "Tracking",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "InsightTests",
            dependencies: ["EventLog", "Insight", "POSIX", "TestSupport", "Tracking"],
            swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: ["POSIX", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "LoadTestTests",
            dependencies: ["EventHTTP", "EventLog", "LoadTest", "POSIX", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "RepositoryTests", dependencies: ["TestSupport"], swiftSettings: strict),
    ]
)

// The fuzzer is built apart, with `make fuzz`: it needs -sanitize=fuzzer in every module.
if Context.environment["FOOTFALL_FUZZING"] != nil {
    package.products.append(.executable(name: "footfall-fuzz", targets: ["Fuzzing"]))
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzzing/CLibFuzzer"),
        .executableTarget(
            name: "Fuzzing", dependencies: ["CLibFuzzer", "EventHTTP", "Tracking"],
            path: "Tests/Fuzzing", exclude: ["CLibFuzzer", "Corpus"], swiftSettings: strict),
    ]
}
