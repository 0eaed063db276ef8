internal import Foundation

/// Certificates for tests with TLS, signed by themselves.
public enum Certificate {
    /// What openssl says when it makes none.
    public struct NotMade: Error {
        /// Its standard error.
        public let errors: String
    }

    /// Writes a key and a certificate for the hosts into one file of a directory.
    public static func make(
        for hosts: String..., in directory: TemporaryDirectory, file: String
    ) throws {
        let names = hosts.map { "DNS:\($0)" }.joined(separator: ",")
        let result = try ChildProcess.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=\(hosts.first ?? "")", "-addext",
            "subjectAltName=\(names)", "-keyout", directory.file("key.pem"), "-out",
            directory.file("certificate.pem"),
        ])
        guard result.status == 0 else { throw NotMade(errors: result.errors) }
        let files = try ["key.pem", "certificate.pem"].map { try directory.bytes($0) }
        try directory.write(Array(files.joined()), to: file)
    }
}
