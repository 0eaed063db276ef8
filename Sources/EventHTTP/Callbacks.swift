internal import CLibevent

// Every function that libevent calls, and every `Unmanaged` of this module. Each recovers the
// object that it was registered with and calls one method. The registered object always outlives
// the registration: its `deinit` frees the C object first.

/// event_callback_fn: an event of an `EventSource` is due.
func eventFired(_ descriptor: Int32, _ what: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<EventSource>.fromOpaque(context).takeUnretainedValue().fired()
}

/// The generic callback of evhttp (`evhttp_set_gencb`): a whole request has arrived.
func requestReceived(
    _ request: UnsafeMutablePointer<evhttp_request>?, _ context: UnsafeMutableRawPointer?
) {
    guard let request, let context else { return }
    Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().received(request)
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
func callbackContext(_ object: HTTPServer) -> UnsafeMutableRawPointer {
    Unmanaged.passUnretained(object).toOpaque()
}
