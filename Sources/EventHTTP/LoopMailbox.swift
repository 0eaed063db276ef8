internal import CLinux
internal import Glibc
public import POSIX

/// The only door between threads and a loop: a lock around waiting messages, and an eventfd
/// (eventfd(2)) that wakes the loop.
///
/// Made anywhere; `post` from any thread; `attach` and `drain` on the loop's thread.
public final class LoopMailbox<Message: Sendable>: Sendable {
    private let waiting = Monitor<[Message]>([])
    private let descriptor: Int32

    /// Makes an empty mailbox. Throws when the process has no descriptor left.
    public init() throws(SystemError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        if descriptor < 0 { throw SystemError("eventfd") }
    }

    deinit {
        close(descriptor)
    }

    /// Leaves a message and wakes the loop, once for all messages that it has not yet taken.
    public func post(_ message: Message) {
        let wasEmpty = waiting.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if wasEmpty { eventfd_write(descriptor, 1) }
    }

    /// Calls `receive` on `loop` with each message, in the order of posting, for as long as the
    /// returned source lives.
    public func attach(
        to loop: EventLoop, _ receive: @escaping (Message) -> Void
    ) -> EventSource {
        var taken: [Message] = []
        return loop.onReadable(descriptor) { [self] in
            var counter: eventfd_t = 0
            eventfd_read(descriptor, &counter)
            // The two arrays change places, so that neither allocates in the steady state.
            waiting.withLock { swap(&$0, &taken) }
            for message in taken { receive(message) }
            taken.removeAll(keepingCapacity: true)
        }
    }
}
