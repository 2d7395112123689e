// SPDX-License-Identifier: Apache-2.0
// Draws each chart of the page: its specification, the table's rows as data set "table", the columns as "meta". Drawn anew when a choice, the theme or the width changes.
'use strict';
(() => {
  const {parse} = skipjoule.require('vega-parser');
  const {View} = skipjoule.require('vega-view');
  const {expressionInterpreter} = skipjoule.require('vega-interpreter');

  const setSignals = (spec, values) => {
    Object.entries(values).forEach(([name, value]) => {
      const signal = (spec.signals || []).find(s => s.name === name);
      if (signal) {
        signal.value = value;
      }
    });
  };

  // A specification may build on another one: {"base": NAME, "values": {SIGNAL: VALUE}, "usermeta"}.
  const specification = name => {
    const spec = JSON.parse(document.getElementById('chart-' + name).textContent);
    if (!spec.base) {
      return spec;
    }
    const base = specification(spec.base);
    setSignals(base, spec.values || {});
    return Object.assign(base, {description: spec.description, usermeta: spec.usermeta});
  };

  const columnsOf = (table, rows) => table.columns.map(({key, title, unit, quantity}) => {
    const values = rows.map(row => row[key]).filter(value => typeof value === 'number');
    return {key, title, unit: quantity === 'share' ? 'share' : unit || '', numeric: values.length > 0, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)};
  });

  // "usermeta": {"interval": [KEY, TEXT, TEXT]}: what to say of rows with a value in that column, and of those without one.
  const caption = (spec, rows) => {
    const [key, some, none] = (spec.usermeta || {}).interval || [];
    const has = rows.map(row => key !== undefined && row[key] !== null);
    return spec.description + (key !== undefined && has.includes(true) ? ' ' + some : '') + (key !== undefined && has.includes(false) ? ' ' + none : '');
  };

  const draw = chart => {
    const spec = specification(chart.name);
    const place = chart.frame.querySelector('.view');
    const outer = Math.floor(skipjoule.printing ? skipjoule.paper : place.clientWidth);
    if (outer === 0) {
      return;  // not shown
    }
    const {filters, signals} = skipjoule.controls(chart.frame.querySelector('.controls'), spec.usermeta || {}, chart.table, chart.rows, chart.state, () => draw(chart));
    chart.frame.querySelector('.caption').textContent = caption(spec, chart.rows.filter(row => Object.keys(filters).every(key => row[key] === filters[key])));
    chart.width = place.clientWidth;
    const columns = columnsOf(chart.table, chart.rows);
    const given = {table: chart.rows.map(row => ({...row})), meta: columns};
    if (spec.usermeta && spec.usermeta.prepare) {
      const prepared = skipjoule.prepare[spec.usermeta.prepare](chart.rows, columns);
      if (typeof prepared === 'string') {
        place.textContent = prepared;
        return;
      }
      Object.assign(given, prepared);
    }
    spec.data.forEach(data => {
      if (data.name in given) {
        data.values = given[data.name];
      }
    });
    spec.width = outer;
    spec.autosize = {type: 'fit-x', contains: 'padding'};
    spec.padding = {left: 2, right: 4, top: 4, bottom: 4};
    setSignals(spec, {outer, filters, columns, ...signals});
    if (chart.view) {
      chart.view.finalize();
    }
    chart.view = new View(parse(spec, skipjoule.config(), {ast: true}), {expr: expressionInterpreter, renderer: 'svg', container: place, tooltip: skipjoule.hint});
    chart.view.run();
    skipjoule.charts[chart.key] = chart.view;
  };

  const charts = [];
  const drawAll = only => charts.filter(only).forEach(chart => {
    try {
      draw(chart);
    } catch (error) {
      skipjoule.problems.push(chart.key + ': ' + error.message);
      console.error(chart.key, error);
      chart.frame.querySelector('.view').textContent = 'This chart could not be drawn: ' + error.message;
      chart.frame.querySelector('.view').classList.add('failed');
    }
  });

  // All charts are as wide as their places.
  skipjoule.isFitting = () => charts.every(chart => chart.view === undefined || chart.frame.querySelector('.view').clientWidth === chart.width);

  document.addEventListener('DOMContentLoaded', () => {
    document.querySelectorAll('.chart').forEach(frame => {
      const table = skipjoule.table(frame.dataset.table);
      const rows = skipjoule.drawableRows(table);
      if (rows.length > 0) {
        charts.push({key: frame.dataset.table, name: frame.dataset.chart, frame, table, rows, state: {}});
      }
    });
    // One at a time, so that the page is there while they are drawn.
    const drawNext = index => {
      if (index < charts.length) {
        drawAll(chart => chart === charts[index] && chart.view === undefined);
        setTimeout(drawNext, 0, index + 1);
      } else {
        skipjoule.drawn = true;
      }
    };
    setTimeout(drawNext, 0, 0);
    let waiting = 0;
    addEventListener('resize', () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => drawAll(chart => chart.frame.querySelector('.view').clientWidth !== chart.width), 120);
    });
    document.addEventListener('skipjoule-theme', () => drawAll(() => true));
    document.addEventListener('skipjoule-print', () => drawAll(() => true));
    document.addEventListener('click', event => {
      const key = event.target.dataset && event.target.dataset.svg;
      if (key) {
        skipjoule.charts[key].toSVG().then(text => skipjoule.save(key + '.svg', 'image/svg+xml', text));
      }
    });
  });
})();
