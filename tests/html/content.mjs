// SPDX-License-Identifier: Apache-2.0
// That the page holds the report: its data, tables, CSV files, what its controls choose, hints, printing.
import {existsSync, readFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {until} from './browser.mjs';

const charted = report => Object.entries(report.tables).filter(([, table]) => table.chart !== null && table.rows.length > 0);
const rowsOf = table => table.rows.map(cells => Object.fromEntries(table.columns.map((column, i) => [column.key, cells[i]])));
// Names that Vega cannot have are drawn with a mark without width behind them.
const unmarked = value => typeof value === 'string' ? value.replace(/\u200b$/, '') : value;
const chosen = (table, filters) => rowsOf(table).filter(row => Object.keys(filters).every(column => row[column] === unmarked(filters[column])));
const printable = text => text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/\s+/g, ' ').trim();

// What the axes of a chart are called, each with its unit.
const energy = '(pJ|nJ|µJ|mJ|J|kJ|MJ|GJ)';
const titles = {
  layers_stacked: [`^energy, ${energy}$`], machines: [`^energy, ${energy}$`], saving_sources: ['^saving, %$'], savings: ['^saving, %$'], sensitivity: ['^share of the (spread|variance), %$'],
  density_map: ['^(epoch|step|epoch or step)$', '^layer', 'not zero, %$'], joules: [`^share of [\\d.,]+ ${energy}, %$`, '^component$'], roofline: ['MAC/B$', 'GMAC/s$'], accuracy_energy: [`^energy, ${energy}$`, '^accuracy, %$'],
  epochs: ['^epoch$', `^energy of an epoch, ${energy}$`, '^test accuracy, %$'], pareto: [`^energy, ${energy}$`, '^(cycles(, million)?|area, mm²)$'], parallel: [`^coloured by energy, ${energy}, low to high$`],
};

async function checkData(page, report) {
  const faults = [];
  for (const [key, table] of charted(report)) {
    const keys = table.columns.map(column => column.key);
    const read = await page.evaluate(([key, keys]) => skipjoule.charts[key] ? skipjoule.charts[key].data('table').map(row => keys.map(k => typeof row[k] === 'string' ? row[k].replace(/\u200b$/, '') : row[k])) : null, [key, keys]);
    if (read === null) {
      const sentence = await page.evaluate(key => document.querySelector(`#${key} .view`).textContent, key);
      if (table.rows.length > 1 || !/^Nothing to draw/.test(sentence)) {
        faults.push(`${key} has no chart: ${sentence}`);
      }
    } else if (JSON.stringify(read) !== JSON.stringify(table.rows)) {
      faults.push(`the data behind the chart of ${key} are not the report's`);
    }
  }
  return faults;
}

async function checkTitles(page, report) {
  const faults = [];
  for (const [key, table] of charted(report)) {
    const found = await page.evaluate(key => [...document.querySelectorAll(`#${key} .role-axis-title text, #${key} .role-legend-title text`)].map(text => text.textContent), key);
    titles[table.chart].filter(wanted => found.length > 0 && !found.some(title => new RegExp(wanted).test(title))).forEach(wanted => faults.push(`${key}: no axis is called ${wanted}, but ${found.join(' | ')}`));
    if (found.length === 0 && table.rows.length > 1) {
      faults.push(`${key}: no axis has a title`);
    }
  }
  return faults;
}

// Each cell of each row; a column without any value is left out, and told.
async function checkTables(page, report) {
  const faults = [];
  for (const [key, table] of Object.entries(report.tables)) {
    const {heads, cells, summary, open} = await page.evaluate(key => ({
      heads: [...document.querySelectorAll(`#${key} thead th`)].map(head => head.dataset.key), summary: document.querySelector(`#${key} summary`).textContent, open: document.querySelector(`#${key} details`).open,
      cells: [...document.querySelectorAll(`#${key} tbody tr`)].map(row => [...row.cells].map(cell => [cell.dataset.value === undefined ? null : cell.dataset.value, cell.textContent])),
    }), key);
    if (cells.length !== Math.min(table.rows.length, 1000)) {
      faults.push(`${key} shows ${cells.length} of ${table.rows.length} rows`);
    }
    if (table.chart === null && table.rows.length <= 16 && !open) {
      faults.push(`${key} is closed`);
    }
    table.columns.forEach((column, c) => {
      const at = heads.indexOf(column.key);
      const empty = table.rows.length > 0 && table.rows.every(row => row[c] === null);
      if (empty !== (at < 0) || (empty && !summary.includes(printable(column.title)))) {
        faults.push(`${key}, ${column.key}: ${empty ? 'no' : 'a'} value, ${at < 0 ? 'not shown' : 'shown'}: ${summary}`);
      }
      cells.filter(() => at >= 0).forEach((row, i) => {
        const want = table.rows[i][c];
        const [exact, text] = row[at];
        if (typeof want === 'number' ? Number(exact) !== want : exact !== null || (want !== null && printable(text) !== printable(want))) {
          faults.push(`${key}, row ${i}, ${column.key}: ${exact} "${text}" for ${want}`);
        }
        if (typeof want === 'number' && column.quantity === 'share' && Math.abs(parseFloat(text) - 100 * want) > 0.0501) {
          faults.push(`${key}, row ${i}, ${column.key}: "${text}" is no rounding of ${want}`);
        }
      });
    });
  }
  return faults;
}

// What is wider than its frame says that it scrolls, and nothing else does.
async function checkScrolling(page) {
  return page.evaluate(() => [...document.querySelectorAll('details[open] .scroll')].filter(frame => (frame.scrollWidth > frame.clientWidth + 1) !== /sideways/.test(frame.nextElementSibling.textContent)).map(frame => `${frame.closest('section').id}: ${frame.scrollWidth} in ${frame.clientWidth}`));
}

// Every button is pressed; what it gives out is kept by a stand-in, since chromium refuses more than some downloads a second. One is a real download.
async function checkCsv(page, folder, report) {
  const faults = [];
  const keys = Object.keys(report.tables).filter(key => existsSync(join(folder, key + '.csv')));
  const saved = await page.evaluate(keys => {
    const real = skipjoule.save;
    const found = [];
    skipjoule.save = (name, type, text) => found.push([name, text]);
    keys.forEach(key => document.querySelector(`[data-csv="${key}"]`).click());
    skipjoule.save = real;
    return found;
  }, keys);
  keys.forEach((key, i) => {
    if (saved[i][0] !== key + '.csv' || saved[i][1] !== readFileSync(join(folder, key + '.csv'), 'utf8')) {
      faults.push(`the CSV of ${key} is another than the program writes`);
    }
  });
  if (keys.length > 0) {
    const coming = page.waitForEvent('download');
    await page.click(`[data-csv="${keys[0]}"]`);
    const download = await coming;
    if (download.suggestedFilename() !== keys[0] + '.csv' || !readFileSync(await download.path()).equals(readFileSync(join(folder, keys[0] + '.csv')))) {
      faults.push(`the downloaded CSV of ${keys[0]} has other bytes than the program writes`);
    }
  }
  return faults;
}

async function checkSvg(page, report) {
  const [key] = charted(report)[0];
  const coming = page.waitForEvent('download');
  await page.click(`[data-svg="${key}"]`);
  const download = await coming;
  const text = readFileSync(await download.path(), 'utf8');
  return download.suggestedFilename() === key + '.svg' && /^<svg [^]*<\/svg>$/.test(text) && /<text[^]*energy/.test(text) && !/<script/.test(text) ? [] : [`${key}.svg begins with ${text.slice(0, 80)}`];
}

// Each choice of each control of filters: the rows that are drawn are those that the choice names.
async function checkControls(page, report) {
  const faults = [];
  for (const [key, table] of charted(report)) {
    const choices = await page.evaluate(key => {
      const found = [];
      const selects = () => [...document.querySelectorAll(`#${key} .controls select`)];
      for (let i = 0; i < selects().length; i++) {
        for (let option = selects()[i].options.length - 1; option >= 0; option--) {
          selects()[i].selectedIndex = option;  // a choice builds the controls anew
          selects()[i].dispatchEvent(new Event('change'));
          const view = skipjoule.charts[key];
          const names = Object.keys(view.getState({data: () => true, signals: () => false}).data);
          found.push({filters: view.signal('filters'), drawn: names.includes('shown') ? view.data('shown').length : null});
        }
      }
      return found;
    }, key);
    choices.forEach(({filters, drawn}) => {
      const drawable = chosen(table, filters || {}).filter(row => table.chart !== 'joules' && table.chart !== 'layers_stacked' || row.energy_pj !== null);
      if (drawn !== null && (drawn !== drawable.length || drawn === 0)) {
        faults.push(`${key}: ${drawn} rows are drawn of ${drawable.length} that the controls choose: ${JSON.stringify(filters)}`);
      }
    });
  }
  return faults;
}

// Nothing is lost on the way to the picture: what is stacked adds up to the rows that were chosen.
async function checkSums(page, report) {
  const faults = [];
  for (const [key, data] of [['components', 'bars'], ['joules', 'by_phase']].filter(([key]) => report.tables[key])) {
    const {filters, sum} = await page.evaluate(([key, data]) => ({filters: skipjoule.charts[key].signal('filters'), sum: skipjoule.charts[key].data(data).reduce((total, row) => total + row.energy_pj, 0)}), [key, data]);
    const expected = chosen(report.tables[key], filters).reduce((total, row) => total + row.energy_pj, 0);
    if (!(Math.abs(sum - expected) <= 1e-12 * expected)) {
      faults.push(`${key}: ${sum} pJ are drawn of ${expected}`);
    }
  }
  if (!report.tables.machines) {
    return faults;
  }
  const bars = await page.evaluate(() => {
    const view = skipjoule.charts.machines;
    const scale = view.scale('x');
    const found = [];
    const walk = item => { (item.items || []).forEach(walk); if (item.mark && item.mark.marktype === 'rect' && item.datum && item.datum.bar !== undefined) { found.push([item.datum.energy_pj, scale.invert(item.width)]); } };
    walk(view.scenegraph().root);
    return found;
  });
  if (bars.length === 0 || bars.some(([value, length]) => Math.abs(length / value - 1) > 1e-9)) {
    faults.push(`machines: bars are not as long as their energies: ${JSON.stringify(bars.slice(0, 3))}`);
  }
  return faults;
}

// Where a saving has no interval, neither colour nor caption says that its sign is certain.
async function checkSigns(page, report) {
  const faults = [];
  for (const key of ['saving_sources', 'savings'].filter(key => report.tables[key])) {
    const {rows, caption} = await page.evaluate(key => ({rows: skipjoule.charts[key].data('shown').map(row => [row.saving, row.saving_low, row.saving_high, row.sign]), caption: document.querySelector(`#${key} .caption`).textContent}), key);
    rows.forEach(([value, low, high, sign]) => {
      const wanted = low === null || high === null ? 'c1' : low <= 0 && high >= 0 ? 'unsure' : value < 0 ? 'bad' : 'good';
      if (sign !== wanted) {
        faults.push(`${key}: ${value} (${low}, ${high}) is drawn ${sign}`);
      }
    });
    const some = rows.some(row => row[1] !== null), none = rows.some(row => row[1] === null);
    if (/The lines are/.test(caption) !== some || /no interval/.test(caption) !== none) {
      faults.push(`${key}: ${caption}`);
    }
  }
  return faults;
}

async function checkHint(page, report) {
  const [key, column] = report.tables.machines ? ['machines', 'run'] : report.tables.epochs ? ['epochs', 'run'] : ['sensitivity', 'axis'];
  const table = report.tables[key];
  const run = table.rows[0][table.columns.findIndex(c => c.key === column)];
  const bar = page.locator(`#${key} .mark-rect path, #${key} .mark-symbol.role-mark path`).first();
  await bar.scrollIntoViewIfNeeded();
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));  // scrolling takes a hint away
  await bar.hover();
  await until(page, () => document.getElementById('hint').getBoundingClientRect().width > 0);
  const shown = await page.evaluate(() => ({text: document.getElementById('hint').textContent, children: document.getElementById('hint').children.length, seen: document.getElementById('hint').getBoundingClientRect().width > 0}));
  return shown.seen && shown.children === 0 && shown.text.includes(run) ? [] : [`over the first mark the hint says "${shown.text}"`];
}

async function checkThemes(page, report) {
  const state = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.documentElement).backgroundColor, [...document.querySelectorAll('details')].map(details => details.open), document.querySelector('.view svg').getBoundingClientRect().width]);
  const light = await state();
  await page.click('#theme');
  const dark = await state();
  await page.emulateMedia({media: 'print'});
  await until(page, () => skipjoule.printing === true);
  const paper = await state();
  await page.emulateMedia({media: null});
  await until(page, () => skipjoule.printing === false);
  const back = await state();
  const faults = [];
  if (light[0] !== 'light' || dark[0] !== 'dark' || light[1] === dark[1]) {
    faults.push(`the button makes ${light} to ${dark}`);
  }
  const printed = Object.values(report.tables).map((table, i) => dark[2][i] || table.rows.length <= 40);
  if (paper[0] !== 'light' || JSON.stringify(paper[2]) !== JSON.stringify(printed) || paper[3] > 700) {
    faults.push(`on paper: ${JSON.stringify(paper)}; open should be ${printed}`);
  }
  if (JSON.stringify(back) !== JSON.stringify(dark)) {
    faults.push(`after printing ${back} in place of ${dark}`);
  }
  return faults;
}

export async function checkContent(page, folder, report, check) {
  const name = basename(folder);
  const embedded = JSON.parse(await page.evaluate(() => document.getElementById('report').textContent));
  check(`${name}: the report in the page`, JSON.stringify(embedded.tables) === JSON.stringify(report.tables) ? [] : ['is not the JSON report']);
  check(`${name}: data behind the charts`, await checkData(page, report));
  check(`${name}: titles of axes`, await checkTitles(page, report));
  check(`${name}: tables`, await checkTables(page, report));
  check(`${name}: wide tables`, await checkScrolling(page));
  check(`${name}: CSV files`, await checkCsv(page, folder, report));
  check(`${name}: SVG file`, await checkSvg(page, report));
  check(`${name}: sums`, await checkSums(page, report));
  check(`${name}: signs of savings`, await checkSigns(page, report));
  check(`${name}: hint`, await checkHint(page, report));
  check(`${name}: controls`, await checkControls(page, report));
  check(`${name}: themes and paper`, await checkThemes(page, report));
}
