internal import Tracking

/// The article's cache buster, repaired: it encodes what it puts into the address, it does not
/// hold up the page (no `document.write`), and it sends the page and its referrer too, because
/// browsers shorten the `Referer` header across sites.
///
/// `s` is the page's own parameter `search`: everything up to `&` or `#`. The pixel is where the
/// script is, whatever stands in front of its path. `data-params` of the script element has more
/// parameters for the hit.
func busterScript(path: String, pixel: String, _ aliases: ParameterAliases) -> String {
    #"""
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
      pixel.src = (buster ? buster.src : "").split("\#(path)")[0] + "\#(pixel)" +
        "?\#(aliases.sentName(of: "t"))=" + new Date().getTime() +
        "&\#(aliases.sentName(of: "r"))=" + Math.floor(Math.random() * 99999999999) +
        add("\#(aliases.sentName(of: "s"))", parameter("search")) +
        add("\#(aliases.sentName(of: "u"))", window.location.href) +
        add("\#(aliases.sentName(of: "ref"))", document.referrer) +
        (buster && buster.dataset.params ? "&" + buster.dataset.params : "");
      document.head.appendChild(pixel);
    })();

    """#
}
