"use strict";
/* Keys of a page: data-key="x" on a link or plain button presses it; on a field or submit button it only moves there.
   So no letter decides anything. data-press lets a key submit what decides nothing (claim, undo). */
(() => {
  const root = document.documentElement;
  const SOON = 1500; // for the second key of two, in milliseconds
  let first = "";
  let firstAt = 0;

  const seen = (element) => element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
  const usable = (element) => seen(element) && !element.disabled;
  const writes = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
  const submits = (element) => element.matches("button:not([type=button]), input[type=submit]");

  const control = (key) => {
    const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)];
    const inside = found.filter((element) => element.closest("main"));
    return [...inside, ...found].find(usable) || (key === "?" ? found[0] : undefined);
  };

  // A verdict is chosen, and one is led to its reason; only Ctrl+Enter or a click sends it.
  const choose = (button) => {
    const form = button.closest("form[data-decision]");
    for (const other of form?.querySelectorAll("[data-chosen]") || []) delete other.dataset.chosen;
    if (form) button.dataset.chosen = "";
    (form?.querySelector("textarea") || button).focus();
  };
  const press = (element) => {
    if (submits(element) && !("press" in element.dataset)) choose(element);
    else if (writes(element) || element.matches("[tabindex], summary")) element.focus();
    else element.click();
  };

  const goal = (stop) => (stop.matches("a, button, [tabindex]") ? stop : stop.querySelector("a") || stop);
  const stops = () => [...document.querySelectorAll("[data-stop]")].filter(seen).map(goal);
  const here = () => {
    const at = document.activeElement;
    const stop = at?.closest("[data-stop]") || at?.closest("tr")?.querySelector("[data-stop]");
    return stop ? goal(stop) : at;
  };
  const step = (by) => {
    const all = stops();
    const at = all.indexOf(here());
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    next?.focus();
    return next !== undefined;
  };
  const select = () => {
    const box = document.activeElement?.closest("tr")?.querySelector("input[type=checkbox]:enabled");
    box?.click();
    return box !== null && box !== undefined;
  };
  const open = () => {
    const stop = here();
    if (!stop?.matches("a") || !stops().includes(stop)) return false;
    stop.click();
    return true;
  };
  const MOVES = { j: () => step(1), k: () => step(-1), x: select, o: open };

  const act = (key) => {
    if (MOVES[key]?.()) return true;
    const element = control(key);
    if (element) press(element);
    return element !== undefined;
  };

  const send = () => {
    const at = document.activeElement;
    const form = at?.closest("form[data-decision]");
    if (!form) return false;
    const buttons = [...form.querySelectorAll("button:not([type=button])")].filter(usable);
    const chosen = buttons.includes(at) ? at : buttons.length === 1 ? buttons[0] : buttons.find((one) => "chosen" in one.dataset);
    if (chosen) form.requestSubmit(chosen);
    return chosen !== undefined;
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.isComposing || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key === "Enter" && send()) event.preventDefault();
      return;
    }
    if (root.dataset.keys === "off" || writes(event.target)) return;
    const second = first && event.timeStamp - firstAt < SOON ? `${first} ${event.key}` : "";
    first = event.key === "g" ? "g" : "";
    firstAt = event.timeStamp;
    if (second ? act(second) : act(event.key)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const dialog = document.getElementById(event.target.closest?.("[data-opens]")?.dataset.opens);
    if (!dialog) return;
    for (const line of dialog.querySelectorAll("[data-for]")) {
      const key = line.dataset.for;
      const works = { j: "[data-stop]", o: "a[data-stop], [data-stop] a", x: "tr input[type=checkbox]", send: "form[data-decision]" }[key];
      line.toggleAttribute("data-here", Boolean(works ? document.querySelector(works) : control(key)));
    }
    dialog.showModal();
  });
})();
