// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says until the button is used. Paper is always light, with the tables open that are so on the screen or are short.
'use strict';
(() => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const paper = matchMedia('print');
  skipjoule.paper = 690;  // CSS pixels between the margins of an A4 page
  const printedRows = 40;  // of a table that is closed on the screen; a longer one would fill pages that nobody asked for
  let chosen = null;
  let closed = [];

  const apply = () => {
    const theme = paper.matches || skipjoule.printing ? 'light' : chosen || (system.matches ? 'dark' : 'light');
    if (root.dataset.theme !== theme) {
      root.dataset.theme = theme;
      document.dispatchEvent(new Event('skipjoule-theme'));
    }
  };
  // A table that is wider than the paper is made smaller.
  const fit = table => {
    table.style.zoom = '';
    if (skipjoule.printing) {
      table.parentElement.style.width = skipjoule.paper + 'px';
      const width = table.offsetWidth;
      table.parentElement.style.width = '';
      table.style.zoom = Math.min(1, skipjoule.paper / width);
    }
  };
  const print = on => {
    if (on !== Boolean(skipjoule.printing)) {
      skipjoule.printing = on;
      if (on) {
        closed = [...document.querySelectorAll('details:not([open])')].filter(details => Number(details.dataset.rows) <= printedRows);
      }
      closed.forEach(details => { details.open = on; });
      document.querySelectorAll('table').forEach(fit);
      apply();
      document.dispatchEvent(new Event('skipjoule-print'));
    }
  };
  system.addEventListener('change', apply);
  paper.addEventListener('change', event => print(event.matches));
  addEventListener('beforeprint', () => print(true));
  addEventListener('afterprint', () => print(false));
  document.addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme').addEventListener('click', () => {
      chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
      apply();
    });
  });
  apply();
})();
