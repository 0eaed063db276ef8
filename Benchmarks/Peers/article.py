"""The article's last server in today's Python: WSGI, one thread, a cookie, a line for each hit.

article.py PORT
"""
import sys
from http.cookies import SimpleCookie
from urllib.parse import parse_qs
from uuid import uuid4
from wsgiref.simple_server import WSGIServer, make_server


def track_user(environ, respond):
    cookies = SimpleCookie()
    cookies.load(environ.get("HTTP_COOKIE", ""))
    cookie = cookies.get("id")
    user_id = cookie.value if cookie else str(uuid4())
    if not cookie:
        print("User did not have id, giving: %s" % user_id)
    search = parse_qs(environ["QUERY_STRING"]).get("s", [""])[0]
    print("User %s Searched For: %s" % (user_id, search))
    respond("200 OK", [
        ("Content-Type", "application/javascript"),
        ("Set-Cookie", "id=%s" % user_id),
    ])
    return [b""]


class Server(WSGIServer):
    # Five, the default, would let the load tester wait for the kernel and not for Python.
    request_queue_size = 1024


if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), track_user, server_class=Server).serve_forever()
