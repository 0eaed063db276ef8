/// The article's cache buster, repaired: it encodes what it puts into the address, it does not
/// hold up the page (no `document.write`), and it sends the page and its referrer too, because
/// browsers shorten the `Referer` header across sites.
///
/// `s` is the page's own parameter `search`: everything up to `&` or `#`.
let busterScript = #"""
    (function () {
      "use strict";
      var buster = document.currentScript;
      function parameter(name) {
        var found = new RegExp("[?&]" + name + "=([^&#]*)").exec(window.location.search);
        if (!found) { return ""; }
        try {
          return decodeURIComponent(found[1].replace(/\+/g, " "));
        } catch (malformed) {
          return found[1];
        }
      }
      function add(name, value) {
        return "&" + name + "=" + encodeURIComponent(String(value).slice(0, 2000));
      }
      var pixel = document.createElement("script");
      pixel.async = true;
      pixel.src = (buster ? buster.src : "/buster.js").replace(/\/buster\.js.*$/, "/track.js") +
        "?t=" + new Date().getTime() +
        "&r=" + Math.floor(Math.random() * 99999999999) +
        add("s", parameter("search")) +
        add("u", window.location.href) +
        add("ref", document.referrer);
      document.head.appendChild(pixel);
    })();

    """#
