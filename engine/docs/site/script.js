"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  // Light and dark: as the reader's system has it, until they say otherwise. A page from a disk may not be let to remember.
  const look = document.getElementById("look");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const recalled = () => { try { return localStorage.getItem("look"); } catch { return null; } };
  const isDark = () => (root.dataset.look || (system.matches ? "dark" : "light")) === "dark";
  const told = () => { look.textContent = isDark() ? "Light" : "Dark"; };
  if (recalled()) root.dataset.look = recalled();
  look.hidden = false;
  told();
  system.addEventListener("change", told);
  look.addEventListener("click", () => {
    root.dataset.look = isDark() ? "light" : "dark";
    try { localStorage.setItem("look", root.dataset.look); } catch { /* it holds for this page */ }
    told();
  });

  // On a narrow screen the list of parts is closed, or the page would begin far below.
  const parts = document.querySelector(".contents details");
  if (parts && !matchMedia("(min-width: 60rem)").matches) parts.open = false;
  const wide = matchMedia("(min-width: 60rem)");
  wide.addEventListener("change", () => { if (parts) parts.open = wide.matches; });

  // Copies.
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = make("textarea", text);
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };
  for (const block of all(".code.pasted")) {
    const code = block.querySelector("code");
    const button = make("button", "Copy", "copy");
    button.type = "button";
    const label = block.querySelector(".label");
    button.setAttribute("aria-label", label ? `Copy the command: ${label.textContent}` : "Copy the command");
    button.addEventListener("click", async () => {
      button.textContent = (await copied(code.textContent)) ? "Copied" : "Select it";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.append(button);
    if (!label) block.classList.add("copied");
  }

  // Search: every word must be found somewhere on the page; a name or a title counts most.
  if (typeof PAGES === "undefined") return;
  const field = document.getElementById("q");
  const found = document.getElementById("found");
  document.querySelector(".search").hidden = false;
  const low = (text) => text.toLowerCase();
  const pages = PAGES.map((page) => ({
    page,
    head: low(`${page.n} ${page.t}`),
    tags: low(page.g),
    lead: low(page.d),
    sections: page.s.map((section) => low(section[1])),
    commands: low(page.c),
  }));
  const weigh = (one, words) => {
    let sum = 0;
    for (const word of words) {
      let weight = 0;
      if (one.head.includes(word)) weight += 10;
      if (one.tags.includes(word)) weight += 6;
      if (one.lead.includes(word)) weight += 4;
      if (one.sections.some((section) => section.includes(word))) weight += 3;
      if (one.commands.includes(word)) weight += 1;
      if (!weight) return 0;
      sum += weight;
    }
    return sum;
  };
  const marked = (text, words) => {
    const line = make("span");
    let at = 0;
    const lower = low(text);
    while (at < text.length) {
      let next = -1;
      let length = 0;
      for (const word of words) {
        const place = lower.indexOf(word, at);
        if (place >= 0 && (next < 0 || place < next)) { next = place; length = word.length; }
      }
      if (next < 0) break;
      line.append(text.slice(at, next), make("mark", text.slice(next, next + length)));
      at = next + length;
    }
    line.append(text.slice(at));
    return line;
  };
  const entry = (address, title, where, words) => {
    const item = make("li");
    const link = make("a");
    link.href = root.dataset.root + address;
    link.append(marked(title, words));
    if (where) {
      const line = make("div", undefined, "where");
      line.append(marked(where, words));
      link.append(line);
    }
    item.append(link);
    return item;
  };
  const address = (page) => page.u.split("/").map(encodeURIComponent).join("/");
  const search = () => {
    const words = low(field.value).split(/\s+/).filter(Boolean);
    found.replaceChildren();
    found.hidden = words.length === 0;
    if (!words.length) return;
    const hits = pages
      .map((one) => ({ one, weight: weigh(one, words) }))
      .filter((hit) => hit.weight > 0)
      .sort((a, b) => b.weight - a.weight || a.one.page.n.localeCompare(b.one.page.n));
    if (!hits.length) {
      found.append(make("p", "Nothing has all of these words."));
      return;
    }
    const list = make("ol");
    for (const { one, weight } of hits.slice(0, 30)) {
      const { page } = one;
      const title = page.n === page.t ? page.n : `${page.n}: ${page.t}`;
      list.append(entry(address(page), title, page.d, words));
      const steps = page.s.filter((_, at) => words.every((word) => one.sections[at].includes(word)));
      for (const [id, text] of steps.slice(0, 3)) list.append(entry(`${address(page)}#${id}`, `${page.n} › ${text}`, "", words));
      if (!steps.length && weight < 4 * words.length) {
        const line = page.c.split("\n").find((command) => words.some((word) => low(command).includes(word)));
        if (line) list.lastChild.querySelector("a").append(Object.assign(make("div", undefined, "where"), { textContent: line.slice(0, 160) }));
      }
    }
    found.append(make("p", hits.length === 1 ? "1 page" : `${hits.length} pages`), list);
  };
  field.addEventListener("input", search);
  field.addEventListener("focus", () => { if (field.value) search(); });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) found.hidden = true; });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
      field.select();
    }
    if (event.key === "Escape") { found.hidden = true; if (document.activeElement !== field && found.contains(document.activeElement)) field.focus(); }
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest(".search") && !found.hidden) {
      const links = all("a", found);
      const at = links.indexOf(document.activeElement);
      const next = event.key === "ArrowDown" ? at + 1 : at - 1;
      event.preventDefault();
      (links[next] || (next < 0 ? field : links[links.length - 1])).focus();
    }
    if (event.key === "Enter" && event.target === field) {
      const first = found.querySelector("a");
      if (first) location.href = first.href;
    }
  });
})();
