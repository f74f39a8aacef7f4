"use strict";
// The page reads without this: it sorts tables, opens folds for print, and opens or closes all.
(() => {
  const folds = () => document.querySelectorAll("details");
  let before = [];
  addEventListener("beforeprint", () => {
    before = [...folds()].filter((fold) => !fold.open);
    before.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => { before.forEach((fold) => { fold.open = false; }); });

  const all = document.getElementById("open-all");
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const open = [...folds()].some((fold) => !fold.open);
      folds().forEach((fold) => { fold.open = open; });
      all.textContent = open ? "Close all folds" : "Open all folds";
    });
  }

  const key = (row, column) => {
    const cell = row.cells[column];
    const given = cell.getAttribute("data-sort");
    return given === null ? cell.textContent.trim() : Number(given);
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        table.querySelectorAll("thead th").forEach((one) => { one.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sign = down ? -1 : 1;
        const body = table.tBodies[0];
        [...body.rows]
          .sort((a, b) => {
            const x = key(a, column), y = key(b, column);
            return sign * (typeof x === "number" ? x - y : String(x).localeCompare(String(y)));
          })
          .forEach((row) => { body.append(row); });
      });
    });
  });
})();
