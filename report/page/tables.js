// SPDX-License-Identifier: Apache-2.0
// The page's tables: read from the JSON report that the page holds, given out as CSV, byte for byte what the program writes.
'use strict';
(() => {
  const text = () => document.getElementById('report').textContent;
  let report = null;

  skipjoule.table = key => {
    report = report || JSON.parse(text());
    return report.tables[key];
  };
  skipjoule.rows = table => table.rows.map(cells => Object.fromEntries(table.columns.map((column, i) => [column.key, cells[i]])));
  // For charts: Vega keeps groups under their names in plain objects, which have members of their own already. A layer called "constructor" gets a mark without width.
  const taken = new Set(Object.getOwnPropertyNames(Object.prototype));
  const drawable = cell => taken.has(cell) ? cell + '\u200b' : cell;
  skipjoule.drawableRows = table => skipjoule.rows({...table, rows: table.rows.map(cells => cells.map(drawable))});

  // The report once more, its numbers as {digits}: a double would not hold every count.
  const textOrNumber = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
  let exact = null;
  const exactTable = key => {
    exact = exact || JSON.parse(text().replace(textOrNumber, token => token[0] === '"' ? token : '{"digits":"' + token + '"}'));
    return exact.tables[key];
  };

  // As the program writes CSV: an empty text is quoted, a missing value is not there.
  const field = (cell, alone) => cell === null ? (alone ? '""' : '') : typeof cell === 'object' ? cell.digits : cell === '' ? '""' : /[",\r\n]/.test(cell) ? '"' + cell.replaceAll('"', '""') + '"' : cell;
  skipjoule.csv = key => {
    const {columns, rows} = exactTable(key);
    return [columns.map(column => column.key), ...rows].map(cells => cells.map(cell => field(cell, columns.length === 1)).join(',') + '\n').join('');
  };

  skipjoule.save = (name, type, text) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], {type}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // The tables of a sweep's page are others than those of `report --format csv`: their files have names of their own.
  const ofSweep = () => skipjoule.table('pareto') !== undefined && skipjoule.table('machines') === undefined;

  // Under a table that is wider than its frame: that it scrolls.
  const tellScrolling = frame => {
    const wider = frame.scrollWidth > frame.clientWidth + 1;
    frame.nextElementSibling.textContent = wider ? 'This table goes on to the right: scroll it sideways.' : '';
    frame.tabIndex = wider ? 0 : -1;  // also by the arrow keys
  };
  document.addEventListener('DOMContentLoaded', () => {
    const observer = new ResizeObserver(entries => entries.forEach(({target}) => tellScrolling(target)));
    document.querySelectorAll('.scroll').forEach(frame => {
      const told = document.createElement('p');
      told.className = 'scrolls';
      frame.after(told);
      observer.observe(frame);
    });
  });

  document.addEventListener('click', event => {
    const key = event.target.dataset && event.target.dataset.csv;
    if (key) {
      skipjoule.save((ofSweep() ? 'page-' : '') + key + '.csv', 'text/csv', skipjoule.csv(key));
    }
  });
})();
