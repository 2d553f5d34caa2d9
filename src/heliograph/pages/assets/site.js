// Everything works without this file. It adds buttons that copy code, the search box, and a menu that folds on a phone.
"use strict";

for (const block of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  if (navigator.clipboard) block.append(button);
}

const menu = document.getElementById("menu");
if (matchMedia("(max-width: 48rem)").matches) menu.open = false;

const search = document.getElementById("search");
const results = document.getElementById("results");
const MOST_RESULTS = 12;
const EXCERPT_CHARACTERS = 140;
let sections = null;
search.hidden = false;

async function load() {
  if (sections === null) {
    sections = fetch("/docs/search.json").then((answer) => answer.json());
    sections.catch(() => { sections = null; });
  }
  return sections;
}

// A section matches when it has every word. Words in its heading weigh most, then those of its page's title.
function found(all, words) {
  const scored = [];
  for (const section of all) {
    const heading = section.heading.toLowerCase();
    const page = section.page.toLowerCase();
    const text = section.text.toLowerCase();
    let score = 0;
    for (const word of words) {
      const weight = heading === word ? 16 : heading.includes(word) ? 8 : page.includes(word) ? 4 : text.includes(word) ? 1 : 0;
      if (weight === 0) { score = 0; break; }
      score += weight;
    }
    if (score > 0) scored.push({ section, score });
  }
  scored.sort((one, other) => other.score - one.score);
  return scored.slice(0, MOST_RESULTS).map((each) => each.section);
}

function excerpt(section, words) {
  const at = section.text.toLowerCase().indexOf(words[0]);
  const from = Math.max(0, at - EXCERPT_CHARACTERS / 3);
  const cut = section.text.slice(from, from + EXCERPT_CHARACTERS);
  return (from > 0 ? "…" : "") + cut + (from + EXCERPT_CHARACTERS < section.text.length ? "…" : "");
}

function item(section, words) {
  const link = document.createElement("a");
  link.href = section.href;
  const title = document.createElement("strong");
  title.textContent = section.heading === section.page ? section.page : `${section.page}: ${section.heading}`;
  const text = document.createElement("span");
  text.textContent = excerpt(section, words);
  link.append(title, text);
  const row = document.createElement("li");
  row.setAttribute("role", "option");
  row.append(link);
  return row;
}

function show(rows) {
  results.replaceChildren(...rows);
  results.hidden = rows.length === 0;
  search.setAttribute("aria-expanded", String(rows.length > 0));
}

function notice(text) {
  const row = document.createElement("li");
  row.className = "notice";
  row.textContent = text;
  return row;
}

search.addEventListener("input", async () => {
  const wanted = search.value;
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return show([]);
  let rows;
  try {
    rows = found(await load(), words).map((section) => item(section, words));
  } catch {
    rows = [notice("The search index could not be loaded.")];
  }
  if (search.value !== wanted) return;
  show(rows.length > 0 ? rows : [notice(`Nothing found for "${wanted.trim()}".`)]);
});
search.addEventListener("focus", () => { load().catch(() => {}); });
search.addEventListener("keydown", (event) => {
  const first = results.querySelector("a");
  if (event.key === "Enter" && first) location.href = first.href;
  if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
  if (event.key === "Escape") { search.value = ""; show([]); }
});
results.addEventListener("keydown", (event) => {
  const links = [...results.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" && at < links.length - 1) { event.preventDefault(); links[at + 1].focus(); }
  if (event.key === "ArrowUp") { event.preventDefault(); (at > 0 ? links[at - 1] : search).focus(); }
  if (event.key === "Escape") { search.focus(); show([]); }
});
results.addEventListener("click", (event) => { if (event.target.closest("a")) show([]); });
document.addEventListener("click", (event) => {
  if (!event.target.closest("#results, #search")) show([]);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement === document.body) {
    event.preventDefault();
    search.focus();
  }
});
