
// Shows what `/live` tells. Texts of hits become text nodes and nothing else; of everything no more
// is kept than is shown.
(() => {
  "use strict";
  const secondsMax = 300, minutesMax = 60, newestMax = 20, listMax = 10;
  // Seconds over which the line of the chart is the average.
  const smoothing = 10;
  // Rows that come at once and still stand out.
  const freshMax = 5;
  // Milliseconds without news after which the connection is given up, and until the next one.
  const silenceMax = 10_000, retryAfter = 5_000;
  // Milliseconds after which a hidden page stops watching.
  const hiddenMax = 60_000;

  const at = (id) => document.getElementById(id);
  const grouped = new Intl.NumberFormat("en");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const count = (value) => grouped.format(value);

  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function put(id, text) {
    const element = at(id);
    // What is the same is not announced or drawn again.
    if (element.textContent !== text) element.textContent = text;
  }

  // MARK: Units

  function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit += 1;
    }
    return `${value.toFixed(unit > 0 && value < 10 ? 1 : 0)} ${units[unit]}`;
  }

  function duration(seconds) {
    const ms = seconds * 1000;
    if (ms >= 10_000) return `${seconds.toFixed(0)} s`;
    if (ms >= 1000) return `${seconds.toFixed(1)} s`;
    return `${ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : 2)} ms`;
  }

  function age(seconds) {
    const minutes = Math.floor(Math.max(0, seconds) / 60);
    if (minutes < 1) return "less than a minute";
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
  }

  function clock(unix, withSeconds) {
    const date = new Date(unix * 1000);
    const two = (value) => String(value).padStart(2, "0");
    const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return withSeconds ? `${text}:${two(date.getSeconds())}` : text;
  }

  function share(part, all) {
    if (!part) return "none";
    const percent = (100 * part) / all;
    return `${percent < 0.1 ? "< 0.1" : percent.toFixed(percent < 10 ? 1 : 0)} % of hits`;
  }

  // MARK: Charts

  const svgName = "http://www.w3.org/2000/svg";
  function draw(name, attributes, text) {
    const element = document.createElementNS(svgName, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // A round number that is not below the most, and how many steps lead there.
  function scale(most) {
    let step = 1;
    for (let unit = 1; step * 4 < most; unit *= 10) {
      for (const factor of [2, 5, 10]) {
        if (step * 4 < most) step = unit * factor;
      }
    }
    const steps = Math.max(2, Math.ceil(most / step));
    return {step, steps, end: step * steps};
  }

  // What both charts have: a picture as wide as its place, axes, and a line under the pointer.
  class Chart {
    // `describe` says what is at a part of the width, and which part its middle is.
    constructor(id, describe) {
      this.figure = at(id);
      this.describe = describe;
      this.svg = draw("svg", {role: "img"});
      this.axis = draw("g", {});
      this.frame = draw("svg", {y: 0});
      this.plot = draw("g", {});
      this.frame.append(this.plot);
      this.cursor = draw("line", {class: "cursor", visibility: "hidden"});
      this.tip = make("div", "tip");
      this.tip.hidden = true;
      this.svg.append(this.axis, this.frame, this.cursor);
      this.figure.append(this.svg, this.tip);
      this.bottom = 22;
      this.pointed = null;
      this.figure.addEventListener("pointermove", (event) => {
        this.pointed = event.clientX - this.figure.getBoundingClientRect().left;
        this.point();
      });
      this.figure.addEventListener("pointerleave", () => {
        this.pointed = null;
        this.point();
      });
      new ResizeObserver(() => this.show()).observe(this.figure);
    }

    // Whether there is a place for a picture with values up to `most`.
    measure(most) {
      this.scale = scale(most);
      this.left = 12 + 7 * count(this.scale.end).length;
      this.width = this.figure.clientWidth - this.left;
      this.height = this.figure.clientHeight;
      if (this.width <= 0) return false;
      this.low = this.height - this.bottom;
      this.svg.setAttribute("viewBox", `${-this.left} 0 ${this.left + this.width} ${this.height}`);
      this.frame.setAttribute("width", this.width);
      this.frame.setAttribute("height", this.height);
      return true;
    }

    y(value) { return 8 + (this.low - 8) * (1 - value / this.scale.end); }

    // `labels` are pairs of a place on the axis and its text.
    showAxes(labels) {
      const parts = [];
      for (let step = 0; step <= this.scale.steps; step += 1) {
        const value = step * this.scale.step, y = Math.round(this.y(value)) + 0.5;
        parts.push(draw("line", {class: "grid", x1: 0, x2: this.width, y1: y, y2: y}));
        parts.push(draw("text", {x: -10, y: y + 4, "text-anchor": "end"}, count(value)));
      }
      for (const [place, text] of labels) {
        const x = place * this.width;
        const anchor = place < 0.02 ? "start" : place > 0.98 ? "end" : "middle";
        parts.push(draw("text", {x, y: this.height - 4, "text-anchor": anchor}, text));
      }
      this.axis.replaceChildren(...parts);
    }

    point() {
      const isOn = this.pointed !== null && this.width > 0;
      this.tip.hidden = !isOn;
      this.cursor.setAttribute("visibility", isOn ? "visible" : "hidden");
      if (!isOn) return;
      const part = Math.min(1, Math.max(0, (this.pointed - this.left) / this.width));
      const {text, place} = this.describe(part);
      const x = place * this.width;
      for (const [key, value] of [["x1", x], ["x2", x], ["y1", 0], ["y2", this.low]]) {
        this.cursor.setAttribute(key, value);
      }
      this.tip.textContent = text;
      const half = this.tip.offsetWidth / 2;
      const left = this.left + Math.min(this.width - 2 * half, Math.max(0, x - half));
      this.tip.style.transform = `translateX(${left}px)`;
    }
  }

  const seconds = {end: 0, hits: []};
  const minutes = {end: 0, hits: [], visitors: []};

  // The average of each value and those before it.
  function smooth(values) {
    let sum = 0;
    return values.map((value, index) => {
      sum += value - (values[index - smoothing] ?? 0);
      return sum / Math.min(index + 1, smoothing);
    });
  }

  class RateChart extends Chart {
    constructor() {
      super("rate-chart", (part) => {
        const index = Math.round(part * (secondsMax - 1));
        const hits = seconds.hits[index] ?? 0;
        const time = clock(seconds.end - secondsMax + 1 + index, true);
        return {text: `${time}  ${count(hits)} hits`, place: index / (secondsMax - 1)};
      });
      this.area = draw("path", {class: "area"});
      this.line = draw("path", {class: "line"});
      this.plot.append(this.area, this.line);
    }

    // `moved` says that a second has passed, and the line is to glide along.
    show(moved) {
      const most = Math.max(...seconds.hits);
      if (seconds.hits.length === 0 || !this.measure(most)) return;
      const minutesBack = this.width < 420 ? [3, 1] : [4, 3, 2, 1];
      this.showAxes([
        [0, "5 min ago"], [1, "now"],
        ...minutesBack.map((minute) => [1 - minute / 5, `${minute} min`]),
      ]);
      const step = this.width / (secondsMax - 1);
      const path = (values) => "M" + values.map(
        (value, index) => `${(index * step).toFixed(1)} ${this.y(value).toFixed(1)}`).join("L");
      this.area.setAttribute("d", `${path(seconds.hits)}V${this.low}H0Z`);
      this.line.setAttribute("d", path(smooth(seconds.hits)));
      if (moved && !calm.matches && !document.hidden) {
        this.plot.animate(
          [{transform: `translateX(${step}px)`}, {transform: "none"}],
          {duration: 1000, easing: "linear"});
      }
      const sum = seconds.hits.reduce((all, hits) => all + hits, 0);
      const average = sum / secondsMax;
      const averageText = average >= 100 ? count(Math.round(average)) : average.toFixed(1);
      put("rate-note", `5 minutes: average ${averageText}, most ${count(most)}`);
      this.svg.setAttribute(
        "aria-label",
        `Hits per second in the last five minutes: ${count(seconds.hits.at(-1))} now, ` +
        `${averageText} on average, ${count(most)} at most, ${count(sum)} hits in all.`);
      this.point();
    }
  }

  class HourChart extends Chart {
    constructor() {
      super("hour-chart", (part) => {
        const index = Math.min(minutesMax - 1, Math.floor(part * minutesMax));
        const time = clock(minutes.end - 60 * (minutesMax - 1 - index));
        const hits = count(minutes.hits[index] ?? 0), visitors = count(minutes.visitors[index] ?? 0);
        return {
          text: `${time}  ${hits} hits, ${visitors} visitors`, place: (index + 0.5) / minutesMax,
        };
      });
      this.bars = [];
      for (let index = 0; index < minutesMax; index += 1) {
        const pair = [draw("rect", {class: "hits"}), draw("rect", {class: "visitors"})];
        this.plot.append(...pair);
        this.bars.push(pair);
      }
    }

    show() {
      const most = Math.max(...minutes.hits);
      if (minutes.hits.length === 0 || !this.measure(most)) return;
      const labels = [];
      const every = this.width < 420 ? 20 : 10;
      for (let index = 0; index < minutesMax; index += 1) {
        const start = minutes.end - 60 * (minutesMax - 1 - index);
        const minute = new Date(start * 1000).getMinutes();
        const place = (index + 0.5) / minutesMax;
        if (minute % every === 0 && place > 0.04 && place < 0.96) labels.push([place, clock(start)]);
      }
      this.showAxes(labels);
      const slot = this.width / minutesMax;
      this.bars.forEach((pair, index) => {
        [minutes.hits[index], minutes.visitors[index]].forEach((value, kind) => {
          const top = Math.min(this.y(value), value > 0 ? this.low - 1 : this.low);
          const rect = pair[kind];
          rect.setAttribute("x", (index * slot + slot * 0.14).toFixed(2));
          rect.setAttribute("width", (slot * 0.72).toFixed(2));
          rect.setAttribute("y", top.toFixed(1));
          rect.setAttribute("height", Math.max(0, this.low - top).toFixed(1));
          rect.setAttribute("rx", Math.min(2, slot * 0.2).toFixed(1));
        });
      });
      const busiest = minutes.end - 60 * (minutesMax - 1 - minutes.hits.indexOf(most));
      this.svg.setAttribute(
        "aria-label",
        `Hits and visitors of each minute of the last hour: at most ${count(most)} hits, ` +
        `at ${clock(busiest)}; ${count(minutes.hits.at(-1))} hits and ` +
        `${count(minutes.visitors.at(-1))} visitors in the minute that runs.`);
      this.point();
    }
  }

  const rateChart = new RateChart();
  const hourChart = new HourChart();

  // MARK: Lists

  const signals = {
    gpc: "Global Privacy Control", dnt: "Do Not Track", opt_out: "Opted out",
  };

  function showList(name, rows) {
    const list = at(`top-${name}`);
    rows = rows.slice(0, listMax);
    const most = rows.length > 0 ? rows[0][1] : 0;
    while (list.children.length > rows.length) list.lastChild.remove();
    rows.forEach(([value, hits], index) => {
      let item = list.children[index];
      if (!item) {
        item = make("li");
        item.append(make("bdi"), make("b"));
        list.append(item);
      }
      const text = name === "privacy" ? signals[value] ?? value
        : name === "page" || name === "referrer" ? plain(value) : value;
      const shown = text === "" ? "(empty)" : text;
      const [place, number] = item.children;
      if (place.textContent !== shown) {
        place.textContent = shown;
        place.title = value;
      }
      if (number.textContent !== count(hits)) number.textContent = count(hits);
      item.style.setProperty("--part", most > 0 ? hits / most : 0);
    });
  }

  // An address without what all of them have.
  function plain(address) { return address.replace(/^https?:\/\//, "").replace(/^([^/]+)\/$/, "$1"); }

  // MARK: The newest hits

  const newest = at("newest");
  let waiting = [];
  let isPaused = false, isOver = false, hasFocus = false;

  function row(event, isFresh) {
    const line = make("tr", isFresh ? "fresh" : "");
    line.setAttribute("role", "row");
    const cell = (className) => {
      const element = make("td", className);
      element.setAttribute("role", "cell");
      line.append(element);
      return element;
    };
    const time = make("time");
    const date = Date.parse(event.time);
    time.textContent = Number.isNaN(date) ? "?" : clock(date / 1000, true);
    time.dateTime = event.time ?? "";
    time.title = event.time ?? "";
    cell().append(time);

    const who = cell();
    if (event.visitor) {
      const dot = make("i", "dot");
      dot.style.setProperty("--hue", parseInt(event.visitor.slice(0, 4), 16) % 360 || 0);
      const name = make("code", "", event.visitor.slice(0, 8));
      name.title = event.visitor;
      who.append(dot, name);
    } else {
      who.append(make("span", "soft", "anonymous"));
    }

    const what = cell();
    if (event.search !== undefined) what.append(make("bdi", "sought", event.search || "(empty)"), " ");
    const page = event.page !== undefined ? plain(event.page) : event.search === undefined ? event.kind : "";
    if (page) what.append(make("bdi", "page", page));
    what.title = [event.search, event.page].filter(Boolean).join("\n");

    const referrer = cell("widest soft");
    if (event.referrer) {
      referrer.append(make("bdi", "", plain(event.referrer)));
      referrer.title = event.referrer;
    }
    cell("wide").textContent = event.browser ?? "";

    const signs = cell();
    const sign = (className, text, title) => {
      const element = make("span", `sign ${className}`, text);
      if (title) element.title = title;
      signs.append(element);
    };
    if (event.new) sign("new", "new", "a new visitor");
    if (event.privacy) {
      sign("private", {gpc: "GPC", dnt: "DNT", opt_out: "opted out"}[event.privacy] ?? event.privacy,
        signals[event.privacy]);
    }
    if (event.bot) sign("bot", event.bot, "a bot");
    if (event.kind && event.kind !== "track" && event.kind !== "pixel") sign("", event.kind);
    if (event.params_more) {
      sign("", `+${event.params_more}`, `${event.params_more} more parameters`);
    }
    return line;
  }

  function addNewest(events) {
    waiting = waiting.concat(events).slice(-newestMax);
    const isHeld = isPaused || isOver || hasFocus;
    put("held", !isHeld ? "" : waiting.length === 0 ? "paused"
      : waiting.length < newestMax ? `paused, ${waiting.length} more`
      : `paused, ${newestMax} or more`);
    if (isHeld || waiting.length === 0) return;
    const isFresh = newest.children.length > 0 && waiting.length <= freshMax;
    newest.prepend(...waiting.map((event) => row(event, isFresh)).reverse());
    waiting = [];
    while (newest.children.length > newestMax) newest.lastChild.remove();
  }

  const pause = at("pause");
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", isPaused);
    addNewest([]);
  });
  const table = document.querySelector(".newest .scroll");
  // A finger that scrolls past is no pointer that rests.
  table.addEventListener("pointerenter", (event) => {
    isOver = event.pointerType === "mouse";
    addNewest([]);
  });
  table.addEventListener("pointerleave", () => {
    isOver = false;
    addNewest([]);
  });
  table.addEventListener("focusin", () => {
    hasFocus = table.matches(":focus-visible");
    addNewest([]);
  });
  table.addEventListener("focusout", () => {
    hasFocus = false;
    addNewest([]);
  });

  // MARK: Everything else

  let constants = {};

  function showConstants(told) {
    constants = told;
    const demo = at("demo");
    demo.hidden = !told.demo_url;
    if (told.demo_url) demo.href = told.demo_url;
    put("durability", told.durability === "commit"
      ? "commit: a hit is answered after fdatasync. Times of the last 10 seconds."
      : `${told.durability}: a hit is answered when it is written. Times of the last 10 seconds.`);
    at("empty-demo").hidden = !told.demo_url;
    const link = at("empty-link");
    if (told.demo_url) link.href = told.demo_url;
    link.textContent = told.demo_url ?? "";
    const collector = told.demo_url ?? "https://stats.example/";
    put("empty-curl", `curl -i '${told.hit_url ?? `${collector}track.js`}?s=my%20cool%20search'`);
    put("empty-tag", `<script src="${told.tag_url ?? `${collector}tag.js`}" async></scr${""}ipt>`);
  }

  function showNotices(told) {
    const texts = [];
    if (!told.ready) texts.push(["bad", "Hits are refused", told.reason ?? "not ready"]);
    for (const sink of told.sinks) {
      if (sink.failing) texts.push(["", `Forwarding to ${sink.name} is failing`, "hits wait in the log"]);
    }
    const notices = at("notices");
    const key = JSON.stringify(texts);
    if (notices.dataset.key === key) return;
    notices.dataset.key = key;
    notices.replaceChildren(...texts.map(([className, title, text]) => {
      const notice = make("p", `notice ${className}`);
      notice.append(make("b", "", `${title}: `), text);
      return notice;
    }));
  }

  function showSinks(sinks) {
    at("sinks").replaceChildren(...sinks.map((sink) => {
      const item = make("li", sink.failing ? "failing" : "");
      const name = make("p", "name", sink.name);
      const isBehind = sink.lag_events > 0;
      name.append(make("span", "", sink.failing ? "failing" : isBehind ? "behind" : "up to date"));
      item.append(name);
      const parts = [`${count(Math.round(sink.events_per_second))} events/s`];
      if (isBehind) {
        parts.push(
          `${count(sink.lag_events)} behind, ${bytes(sink.lag_bytes)}, ${duration(sink.lag_seconds)}`);
      }
      if (sink.rejected > 0) parts.push(`${count(sink.rejected)} rejected`);
      item.append(make("p", "", parts.join(" · ")));
      if (sink.last_error) item.append(make("p", sink.failing ? "error" : "", sink.last_error));
      return item;
    }));
  }

  function show(told, moved) {
    const {hour, commit} = told;
    const isEmpty = told.total_events === 0;
    document.body.classList.toggle("is-empty", isEmpty);
    at("empty").hidden = !isEmpty;
    put("rate", count(told.hits));
    document.title = `${count(told.hits)}/s – Footfall dashboard`;
    put("hour-hits", count(hour.hits));
    const isExact = !hour.visitors_error;
    put("hour-visitors", `${isExact ? "" : "~"}${count(hour.visitors)}`);
    put("hour-error", isExact ? "" : `±${(100 * hour.visitors_error).toFixed(1)} %`);
    for (const [id, value] of [
      ["new", hour.new], ["bots", hour.bots], ["opt-out", hour.opt_out], ["gpc", hour.gpc],
      ["dnt", hour.dnt],
    ]) {
      put(id, count(value));
      put(`${id}-share`, id === "new" ? "in the last hour" : share(value, hour.hits));
    }
    put("dropped", count(told.dropped));
    for (const name of ["search", "page", "referrer", "browser", "bot", "privacy"]) {
      showList(name, told.top[name] ?? []);
    }
    put("p50", commit ? duration(commit.p50) : "–");
    put("p99", commit ? duration(commit.p99) : "–");
    put("most", commit ? duration(commit.max) : "–");
    put("events", count(told.total_events));
    put("log-bytes", told.log_bytes === undefined ? "–" : bytes(told.log_bytes));
    put("backlog", bytes(told.backlog_bytes));
    put("free", bytes(told.disk_free_bytes));
    put("connections", count(told.connections));
    put("refused", count(told.refused));
    showSinks(told.sinks);
    showNotices(told);
    const skipped = at("skipped");
    skipped.hidden = !told.skipped;
    if (told.skipped) {
      skipped.textContent = `${count(told.skipped)} hits of the last hour are not counted here: ` +
        "there were more than could be read in time. They are in the log.";
    }
    const up = told.now - Date.parse(constants.started) / 1000;
    put("about", `${constants.version ?? ""} · up ${age(up)}`);
    rateChart.show(moved);
    hourChart.show();
    addNewest(told.newest ?? []);
  }

  // Lets a series go on for so many places.
  function shift(series, places) {
    for (let index = 0; index < Math.min(places, series.length); index += 1) {
      series.shift();
      series.push(0);
    }
  }

  function start(told) {
    showConstants(told);
    seconds.end = told.seconds.end;
    seconds.hits = told.seconds.hits.slice(-secondsMax);
    minutes.end = told.minutes.end;
    minutes.hits = told.minutes.hits.slice(-minutesMax);
    minutes.visitors = told.minutes.visitors.slice(-minutesMax);
    waiting = [];
    newest.replaceChildren();
    at("reading").hidden = true;
    show(told, false);
  }

  function tick(told) {
    if (seconds.hits.length === 0) return;
    const passed = Math.max(0, told.now - seconds.end);
    shift(seconds.hits, passed);
    seconds.end += passed;
    // Hits that were synced late correct the seconds before.
    const recent = told.recent ?? [told.hits];
    recent.forEach((hits, index) => {
      seconds.hits[secondsMax - recent.length + index] = hits;
    });
    const minutesPassed = Math.max(0, Math.round((told.minute.start - minutes.end) / 60));
    shift(minutes.hits, minutesPassed);
    shift(minutes.visitors, minutesPassed);
    minutes.end += 60 * minutesPassed;
    minutes.hits[minutesMax - 1] = told.minute.hits;
    minutes.visitors[minutesMax - 1] = told.minute.visitors;
    show(told, passed === 1);
  }

  // MARK: The connection

  let source = null, silence = 0, retry = 0;

  function setState(state, text) {
    at("state").dataset.state = state;
    put("state", text);
    document.body.classList.toggle("stale", state === "lost" && seconds.hits.length > 0);
  }

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      setState("lost", "No news, connecting again");
      open();
    }, silenceMax);
  }

  function close() {
    clearTimeout(silence);
    clearTimeout(retry);
    if (source) source.close();
    source = null;
  }

  function open() {
    close();
    // Without what a browser was told of user and password.
    const url = new URL("live", location.href);
    url.username = url.password = "";
    source = new EventSource(url);
    const on = (name, action) => source.addEventListener(name, (message) => {
      heard();
      action(JSON.parse(message.data));
      if (name !== "progress") setState("live", "Live");
    });
    on("start", start);
    on("tick", tick);
    on("progress", (told) => {
      setState("connecting", "Reading");
      at("reading").hidden = false;
      at("progress").value = told.done;
    });
    source.addEventListener("error", () => {
      clearTimeout(silence);
      setState("lost", "Reconnecting");
      // After an answer that is no stream a browser does not try again.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(retry);
        retry = setTimeout(open, retryAfter);
      }
    });
    heard();
  }

  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(close, hiddenMax);
    } else if (!source) {
      setState("connecting", "Connecting");
      open();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) open(); });

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(at(button.dataset.copy).textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  open();
})();
