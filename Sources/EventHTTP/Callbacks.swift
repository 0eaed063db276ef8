internal import CLibevent

// Every function that libevent calls, and every `Unmanaged` of this module. Each recovers the
// object that it was registered with and calls one method. The registered object always outlives
// the registration: its `deinit` frees the C object first.

/// event_callback_fn: an event of an `EventSource` is due.
func eventFired(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<EventSource>.fromOpaque(context).takeUnretainedValue().fired()
}

/// event_callback_fn: a `ClientSocket` can be read or written.
func clientSocketReady(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<ClientSocket>.fromOpaque(context).takeUnretainedValue().becameReady(what)
}

/// The generic callback of evhttp (`evhttp_set_gencb`): a whole request has arrived.
func requestReceived(
    _ request: UnsafeMutablePointer<evhttp_request>?, _ context: UnsafeMutableRawPointer?
) {
    guard let request, let context else { return }
    Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().received(request)
}

/// The callback of `evconnlistener_set_error_cb`: accept(2) has failed. Its context is evhttp's.
func listenerFailed(_ listener: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    if let listener { Listener.failed(listener) }
}

/// The callback of `evhttp_set_bevcb`: evhttp is about to accept a connection.
func gateMakeStream(
    _ base: OpaquePointer?, _ context: UnsafeMutableRawPointer?
) -> OpaquePointer? {
    guard let context else { return nil }
    return Unmanaged<Gate>.fromOpaque(context).takeUnretainedValue().makeStream()
}

/// event_callback_fn: more connections are to be given up.
func gateExpiring(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<Gate>.fromOpaque(context).takeUnretainedValue().expiring()
}

/// event_callback_fn: evhttp has accepted a connection of the gate's.
func gateAttach(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    withConnection(context) { $0.attach($1) }
}

/// event_callback_fn: a socket can be read.
func gateReadable(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    withConnection(context) { $0.readable($1) }
}

/// event_callback_fn: a socket can be written.
func gateWritable(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    withConnection(context) { $0.writable($1) }
}

/// The callback of `evhttp_request_set_on_complete_cb`: evhttp has sent a reply.
func gateCompleted(
    _ request: UnsafeMutablePointer<evhttp_request>?, _ context: UnsafeMutableRawPointer?
) {
    withConnection(context) { $0.completed($1) }
}

/// event_callback_fn: evhttp has done with a connection.
func gateReturned(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    withConnection(context) { $0.returned($1) }
}

/// The callback of `evhttp_connection_set_closecb`.
func gateClosed(_ connection: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    withConnection(context) { $0.closed($1) }
}

private func withConnection(
    _ context: UnsafeMutableRawPointer?, _ body: (Gate, GateConnection.Pointer) -> Void
) {
    guard let connection = context?.assumingMemoryBound(to: GateConnection.self) else { return }
    body(connection.pointee.gate, connection)
}

/// event_log_cb: libevent has something to say.
func libeventLogged(_ severity: Int32, _ message: UnsafePointer<CChar>?) {
    guard let message else { return }
    LibeventLibrary.logged(severity: severity, String(cString: message))
}

/// event_fatal_cb: libevent cannot go on. It must not return; libevent would call `exit` anyway.
func libeventFailed(_ code: Int32) {
    LibeventLibrary.failed(code: code)
}

/// The context under which `object` is registered with libevent, without a retain.
func callbackContext(_ object: EventSource) -> UnsafeMutableRawPointer {
    Unmanaged.passUnretained(object).toOpaque()
}

/// The context under which `object` is registered with libevent, without a retain.
func callbackContext(_ object: ClientSocket) -> UnsafeMutableRawPointer {
    Unmanaged.passUnretained(object).toOpaque()
}

/// The context under which `object` is registered with libevent, without a retain.
func callbackContext(_ object: HTTPServer) -> UnsafeMutableRawPointer {
    Unmanaged.passUnretained(object).toOpaque()
}

/// The context under which `object` is registered with libevent, without a retain.
func callbackContext(_ object: Gate) -> UnsafeMutableRawPointer {
    Unmanaged.passUnretained(object).toOpaque()
}
