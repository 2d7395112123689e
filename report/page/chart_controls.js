// SPDX-License-Identifier: Apache-2.0
// The choices above a chart, as its specification's "usermeta" names them:
//   {"columns": [KEY...], "label"}           one of the values, or pairs of values, that the columns have; each choice narrows the next one's
//   {"columns": ..., "all": "all phases"}    likewise, or all
//   {"signal": NAME, "label", "options": [[VALUE, TEXT]...]} "where": only with so many values of a column; or "numeric": true for the table's columns of numbers, "nth": which of them at first
'use strict';
(() => {
  const label = (key, value) => value === null ? 'none' : key === 'batch' ? 'batch ' + value : String(value);

  const addSelect = (place, name, options, chosen, change) => {
    const frame = document.createElement('label');
    const text = document.createElement('span');
    const select = document.createElement('select');
    const printed = document.createElement('span');
    text.textContent = name;
    options.forEach(([, shown], i) => select.add(new Option(shown, i)));
    select.value = String(Math.max(0, options.findIndex(([value]) => value === chosen)));
    printed.className = 'chosen';
    printed.textContent = options[select.value][1];
    select.addEventListener('change', () => change(options[Number(select.value)][0]));
    frame.append(text, select, printed);
    place.append(frame);
  };

  const combinations = (rows, columns) => {
    const found = new Map();
    rows.forEach(row => found.set(JSON.stringify(columns.map(key => row[key])), columns.map(key => row[key])));
    return [...found].map(([id, values]) => [id, values.map((value, i) => label(columns[i], value)).join(' · ')]);
  };

  // Builds the controls into `place`; state keeps what was chosen from one drawing to the next. Returns {filters, signals}.
  skipjoule.controls = (place, usermeta, table, rows, state, redraw) => {
    place.replaceChildren();
    const filters = {};
    const signals = {};
    let left = rows;
    (usermeta.controls || []).forEach((control, index) => {
      const change = value => { state[index] = value; redraw(); };
      if (control.signal) {
        let options = control.options || [];
        if (control.numeric) {
          options = table.columns.filter(column => !usermeta.identity.includes(column.key) && rows.some(row => typeof row[column.key] === 'number')).map(column => [column.key, column.title]);
        }
        options = options.filter(([value]) => !control.of_columns || table.columns.some(column => column.key === value));
        if (options.length === 0) {
          return;
        }
        if (!options.some(([value]) => value === state[index])) {
          const wanted = options.filter(([value]) => (control.preferred || []).some(text => new RegExp(text).test(value)));
          state[index] = (wanted[control.nth || 0] || options[Math.min(control.nth || 0, options.length - 1)])[0];
        }
        signals[control.signal] = state[index];
        const enough = !control.where || new Set(rows.map(row => row[control.where.column])).size >= control.where.values;
        if (options.length > 1 && enough) {
          addSelect(place, control.label, options, state[index], change);
        }
        return;
      }
      const columns = control.columns.filter(key => table.columns.some(column => column.key === key));
      if (columns.length === 0) {
        return;
      }
      const options = combinations(left, columns);
      if (control.all && options.length > 1) {
        options.unshift(['all', control.all]);
      }
      if (!options.some(([id]) => id === state[index])) {
        const wanted = (control.preferred || []).map(like => options.find(([, text]) => new RegExp(like).test(text))).find(found => found);
        state[index] = (wanted || options[0] || [undefined])[0];
      }
      if (options.length > 1) {
        addSelect(place, control.label, options, state[index], change);
      }
      if (state[index] !== undefined && state[index] !== 'all') {
        JSON.parse(state[index]).forEach((value, i) => { filters[columns[i]] = value; });
        left = left.filter(row => columns.every(key => row[key] === filters[key]));
      }
    });
    return {filters, signals};
  };
})();
