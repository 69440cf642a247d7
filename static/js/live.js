"use strict";
/* Keeps a page true while somebody looks: asks for news (#news), and says so when the server cannot be reached. */
(() => {
  const root = document.documentElement;
  const USUAL = 15000;
  const FAST = 3000;
  const LIVELY = 60000; // how long after the last move of a person news come fast
  let active = Date.now();
  let timer = 0;
  let ended = false;

  const place = () => document.getElementById("news");
  const trouble = () => document.getElementById("trouble");
  const lively = () => Date.now() - active < LIVELY;
  const paused = () => ended || document.hidden || root.dataset.live === "off";

  const plan = () => {
    clearTimeout(timer);
    if (place() && !paused()) timer = setTimeout(() => window.htmx.trigger(place(), "news"), lively() ? FAST : USUAL);
  };

  // What a person asked for came to nothing: say whether it was saved, and by which request. Only our own server knows.
  const asked = ({ triggeringEvent: by }) => ["submit", "click", "toggle"].includes(by?.type);
  const tell = ({ detail: { requestConfig: { elt, verb, triggeringEvent: by }, requestConfig, xhr } }) => {
    if (!asked(requestConfig)) return;
    const id = xhr.status && xhr.getResponseHeader("X-Request-ID");
    const unsaved = id ? "Not saved. Nothing was executed." : "No answer came. If it was saved all the same, sending it again counts once.";
    const note = document.getElementById("failed").content.firstElementChild.cloneNode(true);
    const [words, again] = note.children;
    words.textContent = `${verb === "get" ? "This could not be loaded." : unsaved}${id ? ` Request ${id}.` : ""}`;
    again.hidden = !elt.matches("form");
    again.addEventListener("click", () => elt.requestSubmit(by.submitter));
    trouble().replaceChildren(note);
    note.focus();
  };

  // What the page shows goes along, so that each row that changed elsewhere can be told of.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.id !== "news") return;
    event.detail.parameters.row = [...document.querySelectorAll("[data-row]")].map((row) => row.dataset.row);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const status = event.detail.xhr.status;
    ended = status === 401;
    if (status) offline(false);
    plan();
  });
  document.addEventListener("htmx:responseError", tell);
  document.addEventListener("htmx:sendError", (event) => { tell(event); offline(true); });
  document.addEventListener("htmx:beforeRequest", (event) => { if (asked(event.detail.requestConfig)) trouble().replaceChildren(); });
  for (const kind of ["keydown", "pointerdown"]) {
    document.addEventListener(kind, () => {
      const was = lively();
      active = Date.now();
      if (!was || ended) { ended = false; plan(); }
    }, { passive: true });
  }
  document.addEventListener("visibilitychange", plan);

  const offline = (away) => {
    const bar = document.getElementById("offline");
    if (bar.hidden === !away) return;
    bar.hidden = !away;
    const which = away ? "main button:enabled" : "button[data-away]";
    for (const button of document.querySelectorAll(which)) {
      button.disabled = away;
      button.toggleAttribute("data-away", away);
    }
    if (away) probe();
  };
  const probe = () => setTimeout(() => {
    fetch("/healthz", { cache: "no-store" }).then(() => { offline(false); plan(); }, probe);
  }, FAST);
  window.addEventListener("offline", () => offline(true));
  window.addEventListener("online", () => offline(false));

  const live = document.getElementById("live");
  if (live) {
    const show = () => {
      const on = root.dataset.live !== "off";
      live.setAttribute("aria-pressed", String(on));
    };
    live.hidden = false;
    show();
    live.addEventListener("click", () => {
      const off = root.dataset.live !== "off";
      if (off) root.dataset.live = "off";
      else delete root.dataset.live;
      document.cookie = `live=${off ? "off" : "on"}; path=/; max-age=31536000; samesite=lax`;
      show();
      plan();
    });
  }
  plan();
})();
