// libevent 2.1.12: the loop, buffered sockets and evhttp.

// libevent's configuration turns _GNU_SOURCE on, under which fd_set has other member names than in
// Swift's Glibc module; the first inclusion decides.
#include <sys/select.h>
// Tail queues: evhttp's header lists are made of them.
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
// The version of a request has no accessor.
#include <event2/http_struct.h>
// Request headers are a list of evkeyval.
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
