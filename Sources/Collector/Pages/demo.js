
// Shows the page's own hit. What the hit brought becomes text nodes, and nothing else.
(function () {
  "use strict";
  var hit = document.getElementById("hit");
  if (!hit || !window.fetch) { return; }
  var state = document.getElementById("hit-state");
  var words = document.getElementById("hit-words");
  var box = document.getElementById("hit-event");
  // It is asked for every 200 ms for 5 s.
  var questions = 25;
  hit.hidden = false;

  function say() {
    var item = document.createElement("li");
    for (var index = 0; index < arguments.length; index += 1) {
      var part = arguments[index];
      if (typeof part === "string") {
        item.append(part);
      } else {
        var value = document.createElement("code");
        value.textContent = part.value;
        item.append(value);
      }
    }
    words.append(item);
  }

  function code(value) { return {value: String(value)}; }

  var signals = {
    opt_out: "You have opted out",
    gpc: "Your browser sends Global Privacy Control (GPC)",
    dnt: "Your browser sends Do Not Track (DNT)"
  };

  function sayWho(event) {
    if (event.visitor && event.new_visitor) {
      say("You are visitor ", code(event.visitor), ". You are new: the answer to this hit gave you " +
        "the cookie with that identifier.");
    } else if (event.visitor) {
      say("You are visitor ", code(event.visitor), ". Your cookie says so; you have been here before.");
    } else if (!event.privacy) {
      say("The hit has no visitor: nobody has agreed to a cookie.");
    }
  }

  function sayPrivacy(event) {
    if (event.privacy) {
      say((signals[event.privacy] || event.privacy) + ", so the hit is anonymous: no cookie was read " +
        "or set, it has no visitor, and of your browser only the family was kept" +
        (event.user_agent ? ": " : "."), event.user_agent ? code(event.user_agent) : "");
      return;
    }
    if (navigator.globalPrivacyControl) {
      say(signals.gpc + ", which this collector is set to record like any other hit.");
    }
    if (navigator.doNotTrack === "1") {
      say(signals.dnt + ", which changes nothing unless the collector is set to act on it.");
    }
  }

  function sayWhere(event) {
    if (!event.ip) {
      say("Your address is not stored.");
    } else if (hit.dataset.address === "full" && !event.privacy) {
      say("Your address is stored: ", code(event.ip));
    } else {
      say("Of your address only the network is stored: ", code(event.ip));
    }
  }

  // The event, a member a line; keys stand out.
  function print(event) {
    var place = box.querySelector("code");
    JSON.stringify(event, null, 2).split("\n").forEach(function (line) {
      var key = /^( +)("(?:[^"\\]|\\.)*")(:.*)$/.exec(line);
      if (key) {
        var mark = document.createElement("span");
        mark.className = "key";
        mark.textContent = key[2];
        place.append(key[1], mark, key[3] + "\n");
      } else {
        place.append(line + "\n");
      }
    });
    box.hidden = false;
  }

  function show(event) {
    state.textContent = "It is on disk, as event " + event.seq + " of the log.";
    var search = (event.params || {}).s;
    if (search !== undefined) { say("You searched for ", code(search), "."); }
    sayWho(event);
    sayPrivacy(event);
    sayWhere(event);
    print(event);
  }

  function ask() {
    questions -= 1;
    fetch(hit.dataset.question).then(function (reply) {
      return reply.ok ? reply.json().then(show) : Promise.reject();
    }).catch(function () {
      if (questions > 0) {
        setTimeout(ask, 200);
      } else {
        state.textContent = "The log does not have it. Perhaps something in the browser has blocked " +
          "the request, or the collector takes no hits now.";
      }
    });
  }

  ask();
})();
