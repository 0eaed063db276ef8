// Footfall's tag: the source of TagScript.swift, made by `make tag`.
//
// The names in braces become the collector's paths and the names of its parameters when it starts.
(function (window, document, navigator) {
  "use strict";
  var early = window.footfall;
  // A page may have the line twice.
  if (early && early.isReady) return;
  if (!early) {
    early = window.footfall = function () {
      (early.q = early.q || []).push(arguments);
    };
  }
  var script = document.currentScript;
  var options = script ? script.dataset : {};
  var collector = options.collector || (script ? script.src : "").split("{tag}")[0];
  var storage = "footfall";
  var page;
  var referrer = document.referrer;
  var isGone;

  // What goes wrong here is never the page's trouble.
  function safely(body) {
    return function () {
      try {
        return body.apply(this, arguments);
      } catch (error) {}
    };
  }

  // Text without halves of characters, which neither an address nor JSON may have.
  function whole(text) {
    return text.replace(/[\ud800-\udfff]/gu, "?");
  }

  function field(name, value) {
    return value ? "&" + name + "=" + encodeURIComponent(whole(String(value).slice(0, 2000))) : "";
  }

  function here() {
    return options.hash ? location.href : location.href.split("#")[0];
  }

  function identifier() {
    // Only secure pages have the first.
    return window.crypto && crypto.randomUUID ? crypto.randomUUID() :
      [1, 2, 3].map(function () { return Math.random().toString(36).slice(2); }).join("");
  }

  // Hits that the collector has not taken: at most 50, of a week, each [query, content, time].
  function kept() {
    return JSON.parse(localStorage.getItem(storage) || "[]");
  }

  var keep = safely(function (hit) {
    // Who does not want to be followed wants nothing kept either.
    if (navigator.globalPrivacyControl || hit[1].length > 9999) return;
    localStorage.setItem(storage, JSON.stringify(kept().concat([hit]).slice(-50)));
  });

  var retry = safely(function () {
    var hits = kept();
    // Taken away first, so that no other tab sends them too.
    localStorage.removeItem(storage);
    hits.forEach(function (hit) {
      if (Date.now() - hit[2] < 6048e5) send(hit);
    });
  });

  function beacon(url, content) {
    return navigator.sendBeacon && navigator.sendBeacon(url, content);
  }

  // Where nothing else gets through, as under a policy that allows images only.
  function sendImage(hit) {
    var image = new Image();
    image.onerror = function () {
      keep(hit);
    };
    image.src = collector + "{image}?" + hit[0] + (hit[1] == "{}" ? "" : field("{data}", hit[1]));
  }

  function send(hit) {
    var url = collector + "{beacon}?" + hit[0];
    // A beacon survives the page and tells nothing; fetch tells what became of the hit.
    if (document.visibilityState == "hidden" && beacon(url, hit[1])) return;
    if (window.fetch) {
      fetch(url, {
        method: "POST", body: hit[1], keepalive: true, credentials: "include"
      }).then(function (reply) {
        var status = reply.status;
        if (status == 408 || status == 429 || status > 499) keep(hit);
      }, function () {
        // With its page a request seems to fail, and goes on.
        if (!isGone) sendImage(hit);
      });
    } else if (!beacon(url, hit[1])) {
      sendImage(hit);
    }
  }

  var record = safely(function (name, properties) {
    var search = new URLSearchParams(location.search).get(options.search || "search");
    var time = Date.now();
    send([
      "{e}=" + identifier() + "&{t}=" + time + field("{u}", here()) + field("{ref}", referrer) +
        field("{n}", name) + field("{s}", search) + (options.params ? "&" + options.params : ""),
      JSON.stringify(properties || {}, function (key, value) {
        return typeof value == "string" ? whole(value) : value;
      }),
      time
    ]);
  });

  // A view of the page, unless its address is still the same.
  var view = safely(function () {
    if (here() == page) return;
    if (page) referrer = page;
    page = here();
    record();
    retry();
  });

  function start() {
    var isAutomatic = options.auto != "off";
    addEventListener("online", retry);
    addEventListener("pagehide", function () {
      isGone = true;
    });
    addEventListener("pageshow", function (event) {
      isGone = false;
      if (!event.persisted || !isAutomatic) return;
      // The page comes back from the cache of the back button, which is another view.
      page = "";
      view();
    });
    if (isAutomatic) {
      view();
      ["pushState", "replaceState"].forEach(function (name) {
        var original = history[name];
        history[name] = function () {
          var result = original.apply(this, arguments);
          view();
          return result;
        };
      });
      addEventListener("popstate", view);
    } else {
      retry();
    }
    window.footfall = record;
    record.isReady = true;
    (early.q || []).forEach(function (call) {
      record.apply(null, call);
    });
  }

  // A page that is rendered ahead may never be seen.
  if (document.prerendering) {
    document.addEventListener("prerenderingchange", safely(start), { once: true });
  } else {
    safely(start)();
  }
})(window, document, navigator);
