"use strict";
/* Forms: one click sends once, typed text outlives a lost session, what is critical is read and typed first. All of it
   is checked by the server too; without this script every form works. */
(() => {
  const narrow = window.matchMedia("(max-width: 40rem)");
  const every = (root, what) => [...(root.matches?.(what) ? [root] : []), ...root.querySelectorAll(what)];
  const fields = (form) => [...form.elements].filter((field) => field.name && field.matches("textarea, select, input:not([type=hidden])"));
  const ticked = (field) => field.matches("[type=checkbox], [type=radio]");
  const slot = (field) => (ticked(field) ? `${field.name}=${field.value}` : field.name);
  const what = (field) => (ticked(field) ? "checked" : "value");

  // Kept text: per tab and person, for the form of that name; gone when a page without that form follows a sending.
  const place = (form) => `keep:${document.body.dataset.person}:${form.dataset.keep}`;
  const keep = (form) => {
    const kept = JSON.parse(sessionStorage.getItem(place(form)) || "{}");
    for (const field of fields(form).filter((one) => slot(one) in kept && one[what(one)] !== kept[slot(one)])) {
      field[what(field)] = kept[slot(field)];
      field.closest("details")?.setAttribute("open", "");
    }
    form.addEventListener("input", () => {
      const typed = fields(form).map((field) => [slot(field), field[what(field)]]);
      sessionStorage.setItem(place(form), JSON.stringify(Object.fromEntries(typed)));
    });
  };
  const sent = (form) => {
    const keys = JSON.parse(sessionStorage.getItem("sent") || "[]");
    if (form.dataset.keep) sessionStorage.setItem("sent", JSON.stringify([...keys, place(form)]));
  };
  const forget = () => {
    const here = new Set(every(document, "form[data-keep]").map(place));
    for (const key of JSON.parse(sessionStorage.getItem("sent") || "[]")) {
      if (!here.has(key)) sessionStorage.removeItem(key);
    }
    sessionStorage.removeItem("sent");
  };

  // Critical: the button waits until the end of the effect was on the screen and the name is typed.
  const guard = (button) => {
    const form = button.form;
    const field = form.querySelector("[data-wanted]");
    const effect = document.querySelector("[data-shown=effect]");
    let seen = !effect;
    const check = () => { button.disabled = !seen || field?.value.trim() !== field?.dataset.wanted.trim(); };
    if (effect) {
      const watch = new IntersectionObserver((found) => {
        if (!found.some((one) => one.isIntersecting)) return;
        seen = true;
        watch.disconnect();
        check();
      });
      watch.observe(effect.lastElementChild);
    }
    field?.addEventListener("input", check);
    check();
  };

  const count = (time) => {
    const tick = () => {
      const left = Math.round((Date.parse(time.dataset.until) - Date.now()) / 1000);
      const over = left <= 0;
      time.textContent = over ? "now" : left < 120 ? `${left} s` : `${Math.round(left / 60)} min`;
      if (over) for (const button of time.closest(".note")?.querySelectorAll("[data-key=z]") || []) button.disabled = true;
      else if (time.isConnected) setTimeout(tick, 1000);
    };
    tick();
  };

  const copies = (button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copies);
      source.select();
      try { await navigator.clipboard.writeText(source.value); button.textContent = "Copied"; } catch { source.focus(); }
    });
  };

  const prepare = (root) => {
    every(root, "form[data-keep]").forEach(keep);
    every(root, "button[data-critical]").forEach(guard);
    every(root, "time[data-until]").forEach(count);
    every(root, "[data-copies]").forEach(copies);
    every(root, ".deciding").forEach((panel) => { if (narrow.matches && !panel.querySelector("[role=alert]")) panel.open = false; });
    every(root, "[data-print]").forEach((button) => {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    });
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    sent(form);
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of every(document, "form[data-sent]")) delete form.dataset.sent;
  });
  // A sign-in in another tab has changed the token, and perhaps the person: the server refuses another one than the page's.
  document.addEventListener("formdata", ({ formData }) => {
    if (!formData.has("csrfmiddlewaretoken")) return;
    const token = /(?:^|; )(?:__Host-)?csrftoken=([^;]+)/.exec(document.cookie)?.[1];
    if (token) formData.set("csrfmiddlewaretoken", token);
    formData.set("_person", document.body.dataset.person);
  });
  // The verdict is the button that was pressed, however it was: htmx itself knows only of clicks.
  document.addEventListener("htmx:configRequest", (event) => {
    const by = event.detail.triggeringEvent?.submitter;
    if (by?.hasAttribute("formaction")) event.detail.path = by.getAttribute("formaction");
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) sent(event.detail.elt);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const root = document.getElementById(event.detail.target.id) || event.detail.target;
    prepare(root);
    (root.querySelector("[aria-invalid=true]") || root.querySelector("[role=alert]"))?.focus();
  });

  forget();
  prepare(document);
})();
