// SPDX-License-Identifier: Apache-2.0
// Debian's chromium, driven by playwright-core out of the folder that SJ_NODE_FOLDER names (run.sh makes it); SJ_CHROMIUM names another browser.
import {createRequire} from 'node:module';
import {existsSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';

export const sizes = [{width: 400, height: 800}, {width: 1280, height: 900}, {width: 2560, height: 1300}];
export const themes = ['light', 'dark'];

export async function launch() {
  const require = createRequire(join(resolve(process.env.SJ_NODE_FOLDER), 'package.json'));
  const {chromium} = require('playwright-core');
  const executablePath = process.env.SJ_CHROMIUM || ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  return chromium.launch({executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : []});
}

// A page with what went wrong in it: errors, console messages, and requests other than the file itself.
export async function open(browser, file, size, theme) {
  const context = await browser.newContext({viewport: size, colorScheme: theme, acceptDownloads: true});
  const page = await context.newPage();
  const url = pathToFileURL(resolve(file)).href;
  const faults = [];
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) { faults.push('console: ' + message.text()); } });
  page.on('pageerror', error => faults.push('error: ' + error.message));
  page.on('dialog', dialog => { faults.push('dialog: ' + dialog.message()); dialog.dismiss(); });
  page.on('request', request => { if (request.url() !== url && !/^(data|blob):/.test(request.url())) { faults.push('request: ' + request.url()); } });
  await page.goto(url);
  await until(page, () => skipjoule.drawn);
  return {page, context, faults};
}

// Another size and theme for a page that is open: until it is drawn for them.
export async function change(page, size, theme) {
  await page.emulateMedia({colorScheme: theme});
  await page.setViewportSize(size);
  await until(page, ([width, theme]) => innerWidth === width && document.documentElement.dataset.theme === theme && skipjoule.isFitting(), [size.width, theme]);
}

// Until the page says so, at most two minutes, for a machine may be busy; page.waitForFunction would need eval, which the page's policy forbids.
export async function until(page, said, argument) {
  for (const end = Date.now() + 120000; Date.now() < end; await page.waitForTimeout(20)) {
    if (await page.evaluate(said, argument)) {
      return;
    }
  }
  throw new Error(`the page never came to ${said}`);
}
