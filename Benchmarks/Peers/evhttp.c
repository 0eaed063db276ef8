/* evhttp and nothing else: what libevent's HTTP server needs for a hit. It makes no event and writes
 * none; its reply is as long as Footfall's.
 *
 * evhttp PORT: serves 127.0.0.1 until it is killed. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void track(struct evhttp_request *request, void *context)
{
    struct evkeyvalq *fields = evhttp_request_get_output_headers(request);
    evhttp_add_header(fields, "Set-Cookie",
        "id=00000000-0000-4000-8000-000000000000; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    evhttp_add_header(fields, "Content-Type", "application/javascript");
    evhttp_add_header(fields, "Cache-Control", "no-store");
    evhttp_add_header(fields, "Cross-Origin-Resource-Policy", "cross-origin");
    evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
    evhttp_send_reply(request, 200, "OK", NULL);
    (void)context;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: evhttp PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct evhttp *server = evhttp_new(base);
    evhttp_set_gencb(server, track, NULL);
    if (evhttp_bind_socket(server, "127.0.0.1", (unsigned short)atoi(arguments[1])) != 0) {
        perror("bind");
        return 1;
    }
    return event_base_dispatch(base);
}
