// SPDX-License-Identifier: Apache-2.0
// What all charts share: colours from the page's style, units of numbers, and the functions that the specifications in charts/ call.
'use strict';
(() => {
  const need = skipjoule.require;
  Object.assign(need('vega-dataflow').transforms, need('vega-transforms'), need('vega-view-transforms'), need('vega-encode'), need('vega-label'));
  const {expressionFunction} = need('vega-functions');
  const {format} = need('vega-format').numberFormatDefaultLocale();

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const components = ['mac', 'acc', 'pads', 'mask', 'codec', 'transpose', 'buffer', 'bus', 'dram', 'dram_standby', 'vector', 'rng', 'clock', 'leakage'];  // as they are stacked
  const cycle = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'];

  // ---- Units, with the steps of the tables. A unit is {name, per}: the shown number is value / per.
  const steps = {
    pJ: [['pJ', 1], ['nJ', 1e3], ['µJ', 1e6], ['mJ', 1e9], ['J', 1e12], ['kJ', 1e15], ['MJ', 1e18], ['GJ', 1e21]],
    s: [['ns', 1e-9], ['µs', 1e-6], ['ms', 1e-3], ['s', 1], ['min', 60, 600], ['h', 3600, 7200]],
    B: [['B', 1], ['KiB', 2 ** 10], ['MiB', 2 ** 20], ['GiB', 2 ** 30], ['TiB', 2 ** 40]],
    cycles: [['', 1], ['thousand', 1e3, 1e4], ['million', 1e6], ['billion', 1e9]],
    share: [['%', 0.01]],
  };
  skipjoule.unitOf = (unit, largest) => {
    const fitting = (steps[unit] || [[unit === 'mm2' ? 'mm²' : unit || '', 1]]).filter(([, per, from], i) => i === 0 || largest >= (from || per));
    const [name, per] = fitting[fitting.length - 1];
    return {name, per};
  };
  const shown = value => {
    const size = Math.abs(value);
    return size === 0 ? '0' : size >= 1e6 || size < 1e-3 ? format('.3~e')(value) : size >= 1000 ? format(',.0f')(value) : format('.4~r')(value);
  };
  const withUnit = (value, unit) => {
    if (value === null || value === undefined || Number.isNaN(value)) {
      return 'none';
    }
    const chosen = skipjoule.unitOf(unit, Math.abs(value));
    return unit === 'share' ? format('.1f')(value * 100) + ' %' : shown(value / chosen.per) + (chosen.name ? ' ' + chosen.name : '');
  };

  // ---- Functions of the specifications.
  expressionFunction('kept', (datum, filters) => Object.keys(filters).every(key => datum[key] === filters[key]));
  expressionFunction('energyUnit', largest => skipjoule.unitOf('pJ', largest));
  expressionFunction('unitOf', (unit, largest) => skipjoule.unitOf(unit, largest));
  expressionFunction('shown', shown);
  expressionFunction('withUnit', withUnit);
  // Below one another: as many decimals as give the largest four digits.
  expressionFunction('inUnit', (value, unit, largest) => {
    const decimals = Math.min(6, Math.max(0, (unit.name === '%' ? 0 : 3) - Math.floor(Math.log10(Math.max(1e-9, largest / unit.per)))));
    const digits = unit.name === '%' ? 1 : decimals;
    const small = value > 0 && value / unit.per < 0.5 * 10 ** -digits;
    return (small ? '<' : '') + format(',.' + digits + 'f')(small ? 10 ** -digits : value / unit.per) + (unit.name ? ' ' + unit.name : '');
  });
  // Powers of ten, with 2 and 5 between them where there is room for so many.
  expressionFunction('logTicks', (low, high, room) => {
    const ticks = [];
    const every = Math.log10(high / low) * 3 <= room ? [1, 2, 5] : [1];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      every.map(digit => digit * 10 ** power).filter(tick => tick >= low && tick <= high).forEach(tick => ticks.push(Number(tick.toPrecision(3))));
    }
    return ticks;
  });
  expressionFunction('componentRank', (name, otherwise) => components.includes(name) ? components.indexOf(name) : components.length + otherwise);
  expressionFunction('axisText', (value, unit) => format('.6~r')(value / unit.per));
  expressionFunction('meta', (columns, key) => columns.find(column => column.key === key) || {key, title: key, unit: ''});
  expressionFunction('axisTitle', (column, unit) => column.title + (unit && unit.name ? ', ' + unit.name : ''));
  expressionFunction('colour', colour);
  // A component has its own colour; other names take the cycle's, then its paler, then its darker ones.
  const mixed = (one, other, share) => '#' + [1, 3, 5].map(i => Math.round(parseInt(one.slice(i, i + 2), 16) * (1 - share) + parseInt(other.slice(i, i + 2), 16) * share).toString(16).padStart(2, '0')).join('');
  const ofCycle = i => {
    const round = Math.floor(i / cycle.length) % 3;
    const plain = colour(cycle[i % cycle.length]);
    return round === 0 ? plain : mixed(plain, colour(round === 1 ? 'panel' : 'ink'), 0.5);
  };
  expressionFunction('colours', names => names.map((name, i) => components.includes(name) ? colour(name.replaceAll('_', '-')) : ofCycle(i)));
  // Lines of a hint: the columns of a row that the table has, each with its unit.
  expressionFunction('hint', (datum, columns, keys) => (keys || columns.map(column => column.key)).filter(key => datum[key] !== undefined).map(key => {
    const column = columns.find(c => c.key === key) || {title: key.replaceAll('_', ' ')};
    return column.title + ': ' + (typeof datum[key] === 'number' ? withUnit(datum[key], column.unit) : datum[key] === null ? 'none' : datum[key]);
  }).join('\n'));

  // ---- Vega's configuration in the colours of now.
  skipjoule.config = () => {
    const font = getComputedStyle(document.body).fontFamily;
    const ink = colour('ink');
    const soft = colour('soft');
    return {
      background: colour('panel'),
      style: {'guide-label': {font, fontSize: 11.5, fill: soft}, 'guide-title': {font, fontSize: 12, fontWeight: 'normal', fill: soft}},
      text: {font, fontSize: 11.5, fill: ink},
      axis: {domainColor: colour('faint'), tickColor: colour('faint'), gridColor: colour('grid'), labelColor: soft, titleColor: soft, titlePadding: 10, labelPadding: 5, tickSize: 4, labelSeparation: 6},
      axisBand: {domain: false, ticks: false},
      legend: {labelColor: soft, titleColor: soft, symbolSize: 90, symbolType: 'square', symbolStrokeWidth: 0, rowPadding: 3, columnPadding: 14, labelLimit: 220, padding: 0, offset: 10, layout: {top: {direction: 'vertical', anchor: 'start', margin: 4}}},
      range: {ramp: [colour('low'), colour('high')], category: cycle.map(colour)},
    };
  };

  // ---- Hints beside the pointer; plain text, whatever a run was named.
  const box = () => document.getElementById('hint');
  skipjoule.hint = (handler, event, item, value) => {
    const hint = box();
    if (value === null || value === undefined || value === '') {
      hint.style.display = 'none';
      return;
    }
    hint.textContent = String(value);
    hint.style.display = 'block';
    const {width, height} = hint.getBoundingClientRect();
    hint.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + 'px';
    hint.style.top = (event.clientY + 18 + height > innerHeight ? Math.max(4, event.clientY - height - 12) : event.clientY + 18) + 'px';
  };
  addEventListener('scroll', () => { box().style.display = 'none'; }, {passive: true});
})();
