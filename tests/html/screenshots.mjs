// SPDX-License-Identifier: Apache-2.0
// Usage: SJ_NODE_FOLDER=build/release/tests/html/node node tests/html/screenshots.mjs PAGE.html FOLDER: pictures of the whole page at three widths, light and dark, and as it is printed (PDF).
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {launch, open, sizes, themes} from './browser.mjs';

const [file, folder] = process.argv.slice(2);
if (!folder) {
  console.error('usage: screenshots.mjs PAGE.html FOLDER');
  process.exit(2);
}
mkdirSync(folder, {recursive: true});
const browser = await launch();
for (const size of sizes) {
  for (const theme of themes) {
    const {page, context, faults} = await open(browser, file, size, theme);
    await page.screenshot({path: join(folder, `${size.width}-${theme}.png`), fullPage: true});
    if (size.width === 1280 && theme === 'dark') {
      await page.pdf({path: join(folder, 'print.pdf'), format: 'A4', preferCSSPageSize: true});
    }
    faults.forEach(fault => console.error(`${size.width} ${theme}: ${fault}`));
    await context.close();
  }
}
await browser.close();
