// The page is complete without this: it only filters, unfolds and copies.
"use strict";
for (const section of document.querySelectorAll("section.target")) {
  const bar = section.querySelector(".filter");
  const input = bar.querySelector("input");
  const toggles = [...bar.querySelectorAll("[data-verdict]")];
  const groups = [...section.querySelectorAll("details.group")].map((element) => ({
    element,
    open: element.open,
    cards: [...element.querySelectorAll("details.card")].map((card) => ({ element: card, words: null })),
  }));
  const words = (card) =>
    (card.words ??= [card.element.querySelector("summary"), ...card.element.querySelectorAll("dl.finding")]
      .map((part) => part.textContent).join(" ").toLowerCase());
  const apply = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(toggles.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.verdict));
    let found = 0, all = 0;
    for (const group of groups) {
      let here = 0;
      for (const card of group.cards) {
        const match = shown.has(card.element.dataset.verdict) && wanted.every((word) => words(card).includes(word));
        card.element.hidden = !match;
        if (match) here += 1;
      }
      group.element.hidden = here === 0;
      group.element.open = wanted.length > 0 || shown.size < toggles.length ? here > 0 : group.open;
      found += here;
      all += group.cards.length;
    }
    bar.querySelector(".found").textContent = found === all ? "" : `${found} of ${all} shown`;
  };
  input.addEventListener("input", apply);
  for (const toggle of toggles) {
    toggle.addEventListener("click", () => {
      toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  for (const button of bar.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => {
      const open = button.dataset.fold === "open";
      for (const group of groups) {
        group.open = group.element.open = open;
        for (const card of group.cards) card.element.open = open;
      }
    });
  }
  bar.hidden = false;
}
// A link to something folded unfolds what is around it.
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let element = target; element; element = element.parentElement) {
    if (element.tagName === "DETAILS") element.open = true;
  }
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
// A long chart begins where it went wrong.
const focusChart = (chart) => {
  const mark = chart.querySelector("g.highlight");
  if (!mark || !chart.clientHeight) return;
  const box = mark.getBoundingClientRect(), frame = chart.getBoundingClientRect();
  chart.scrollTop += box.top - frame.top - (frame.height - box.height) / 2;
};
const watch = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watch.unobserve(target);
    focusChart(target);
  }
});
for (const chart of document.querySelectorAll(".chart")) watch.observe(chart);
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
    }
  });
}
