// SPDX-License-Identifier: Apache-2.0
// Usage: test_page.mjs all|few FOLDER...: each holds what sj_make_page wrote. Opens page.html at three widths, light and dark, several pages at once; few: at the narrowest in light and at one other in dark.
import {readFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {change, launch, open, sizes, themes} from './browser.mjs';
import {checkContent} from './content.mjs';
import {blindChecks, pageFaults, textFaults} from './layout.mjs';

let checks = 0;
let failures = 0;
const check = (what, faults) => {
  checks++;
  if (faults.length > 0) {
    failures++;
    console.log(`FAULT: ${what}:\n  ${faults.slice(0, 8).join('\n  ')}${faults.length > 8 ? `\n  and ${faults.length - 8} more` : ''}`);
  }
};

const browser = await launch();
const [which, ...folders] = process.argv.slice(2);

// What must hold at each size, in each theme.
async function checkLook(page, what, theme) {
  check(`${what}: page`, await page.evaluate(pageFaults));
  check(`${what}: texts`, await page.evaluate(textFaults));
  check(`${what}: theme`, await page.evaluate(() => document.documentElement.dataset.theme) === theme ? [] : ['the page has the other one']);
}

// Opened narrow and light, then made wider and darker: an opened page and one that is drawn anew. Of some pages two looks are enough.
async function checkLooks(folder, file) {
  const name = basename(folder);
  const looks = which === 'few' ? [[sizes[0], 'light'], [sizes[1], 'dark']] : ['plain', 'nasty'].includes(name) ? sizes.flatMap(size => themes.map(theme => [size, theme])) : [[sizes[0], 'light'], [sizes[2], 'dark']];
  const {page, context, faults} = await open(browser, file, ...looks[0]);
  for (const [size, theme] of looks) {
    await change(page, size, theme);
    await checkLook(page, `${name}, ${size.width} pixels, ${theme}`, theme);
  }
  check(`${name}: errors and requests at all sizes`, faults);
  await context.close();
}

async function checkFolder(folder) {
  const file = join(folder, 'page.html');
  await checkLooks(folder, file);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  const {page, context, faults} = await open(browser, file, sizes[1], 'light');
  await checkLook(page, `${basename(folder)}, opened at ${sizes[1].width} pixels`, 'light');
  await checkContent(page, folder, report, check);
  check(`${basename(folder)}: errors and requests after all of it`, faults);

  await change(page, sizes[0], 'dark');
  check(`${basename(folder)}: page made narrow`, [...await page.evaluate(pageFaults), ...await page.evaluate(textFaults)]);
  check(`${basename(folder)}: these checks`, await blindChecks(page));

  // Last, since it makes an error: the page's policy stops any request, even one that a script of its own would make.
  const refused = await page.evaluate(() => new Promise(done => {
    document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
    fetch('http://127.0.0.1:9/').then(() => done('went through'), () => {});
  }));
  check(`${basename(folder)}: a request is refused`, refused === 'connect-src' ? [] : [refused]);
  await context.close();
}

const waiting = [...folders];
const work = async () => {
  while (waiting.length > 0) {
    await checkFolder(waiting.shift());
  }
};
await Promise.all([work(), work(), work()]);
await browser.close();
console.log(`${checks - failures} of ${checks} checks passed`);
process.exit(failures > 0 ? 1 : 0);
