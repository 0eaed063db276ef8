// Footfall's tag: the source of TagScript.swift, made by `make tag`.
//
// What stands in braces becomes a path of the collector, or the name of a parameter, when it starts.
// Browsers since 2017 can read it, under any policy that lets a page load it and send to where it
// came from.
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
  early.isReady = 1;
  var script = document.currentScript;
  var options = script ? script.dataset : {};
  var collector = options.collector || (script ? script.src : "").split("{path:tag}")[0];
  var storage = "footfall " + collector;
  var page;
  var referrer = document.referrer;
  var isGone, isHiding, takesImage;

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
      Date.now() + "-" + Math.random();
  }

  // Hits that the collector has not taken: at most 50, of a week, each [query, content, time], and
  // from when on it may be sent again.
  function kept(but) {
    try {
      return JSON.parse(localStorage.getItem(storage)).filter(function (hit) {
        return Date.now() - hit[2] < 6048e5 && hit[0] != but;
      });
    } catch (error) {
      return [];
    }
  }

  function store(hits) {
    localStorage.removeItem(storage);
    if (hits[0]) localStorage.setItem(storage, JSON.stringify(hits.slice(-50)));
  }

  // Behind all others: none of them waits for one that nobody takes.
  var keep = safely(function (hit) {
    // Who does not want to be followed wants nothing kept either.
    if (navigator.globalPrivacyControl || hit[1].length > 9999) return;
    hit[3] = 1;
    store(kept(hit[0]).concat([hit]));
  });

  var settle = safely(function (hit) {
    if (hit[3]) store(kept(hit[0]));
    retry();
  });

  // Sends the first that is kept, and when it is taken the next. Until then it stays, for the page
  // may go away; other pages leave it alone for a minute.
  var retry = safely(function () {
    var now = Date.now();
    var hits = kept();
    var hit = hits.filter(function (hit) { return !isHiding && hit[3] < now; })[0];
    if (hit) {
      hit[3] = now + 6e4;
      store(hits);
      send(hit);
    }
  });

  // Where nothing else gets through, as under a policy that allows images only.
  function sendImage(hit) {
    var image = new Image();
    image.onload = function () {
      takesImage = 1;
      settle(hit);
    };
    image.onerror = function () {
      keep(hit);
    };
    image.src = collector + "{path:image}?" + hit[0] +
      (hit[1] == "{}" ? "" : "&{name:data}=" + encodeURIComponent(hit[1]));
  }

  function send(hit) {
    var url = collector + "{path:beacon}?" + hit[0];
    // A beacon survives the page and tells nothing; fetch tells what became of the hit.
    if ((isHiding || !window.fetch) && navigator.sendBeacon && navigator.sendBeacon(url, hit[1])) {
      return;
    }
    if (window.fetch && !takesImage) {
      fetch(url, {
        // Browsers take 64 KiB at a time with `keepalive`.
        method: "POST", body: hit[1], keepalive: hit[1].length < 9999, credentials: "include"
      }).then(function (reply) {
        (/408|429|5../.test(reply.status) ? keep : settle)(hit);
      }, function () {
        // With its page a request seems to fail, and goes on.
        if (!isGone) sendImage(hit);
      });
    } else {
      sendImage(hit);
    }
  }

  var record = safely(function (name, properties) {
    var search = new URLSearchParams(location.search).get(options.search || "search");
    var time = Date.now();
    send([
      "{name:e}=" + identifier() + "&{name:t}=" + time + field("{name:u}", here()) + field("{name:ref}", referrer) +
        field("{name:n}", name) + field("{name:s}", search) + (options.params ? "&" + options.params : ""),
      JSON.stringify(Object.assign({}, properties), function (key, value) {
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
      isGone = isHiding = 1;
    });
    document.addEventListener("visibilitychange", function () {
      isHiding = isGone || document.hidden;
    });
    addEventListener("pageshow", function (event) {
      isGone = isHiding = 0;
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
    record.isReady = 1;
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
