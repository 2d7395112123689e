// SPDX-License-Identifier: Apache-2.0
// What must hold of a drawn page whatever it shows. These functions run inside of the page; each returns sentences, one a fault.

// Nothing is wider than the window, nothing was left undrawn.
export function pageFaults() {
  const faults = [];
  if (document.scrollingElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll')).slice(0, 3);
    faults.push(`the page is ${document.scrollingElement.scrollWidth} pixels wide in a window of ${innerWidth}: ${wide.map(e => e.tagName + '.' + e.className).join(', ')}`);
  }
  skipjoule.problems.forEach(problem => faults.push('not drawn: ' + problem));
  document.querySelectorAll('.chart').forEach(chart => {
    const svg = chart.querySelector('svg');
    const marks = svg ? [...svg.querySelectorAll('.mark-rect path, .mark-symbol path, .mark-line path')].filter(path => path.getAttribute('d')).length : 0;
    if (marks === 0 && !/^Nothing to draw/.test(chart.querySelector('.view').textContent)) {
      faults.push(`the chart of ${chart.dataset.table} is empty`);
    }
  });
  return faults;
}

// No text reaches out of its picture; labels of an axis, and of a chart's legends, keep clear of one another and of titles.
export function textFaults() {
  const faults = [];
  const drawn = text => text.textContent !== '' && text.getAttribute('opacity') !== '0' && text.closest('[opacity="0"]') === null;
  const turned = text => Number((/rotate\((-?[\d.]+)/.exec(text.getAttribute('transform') || '') || [0, 0])[1]);
  const clash = (a, b) => {
    const s = a.getBoundingClientRect(), t = b.getBoundingClientRect();
    if (turned(a) !== 0 && turned(a) === turned(b) && Math.abs(turned(a)) < 90) {  // parallel lines of text: how far they are apart
      const angle = turned(a) * Math.PI / 180, from = a.getCTM(), to = b.getCTM();
      return Math.abs((to.f - from.f) * Math.cos(angle) - (to.e - from.e) * Math.sin(angle)) < parseFloat(a.getAttribute('font-size'));
    }
    return Math.min(s.right, t.right) - Math.max(s.left, t.left) > 1 && Math.min(s.bottom, t.bottom) - Math.max(s.top, t.top) > 1.5;
  };
  const apart = (what, texts) => texts.forEach((a, i) => texts.slice(i + 1, i + 40).forEach(b => {
    if (clash(a, b)) {
      faults.push(`${what}: "${a.textContent}" and "${b.textContent}" overlap`);
    }
  }));
  document.querySelectorAll('.chart').forEach(chart => {
    const svg = chart.querySelector('svg');
    if (!svg) {
      return;
    }
    const name = chart.dataset.table;
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter(drawn);
    texts.forEach(text => {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        faults.push(`${name}: "${text.textContent}" reaches out of its picture`);
      }
    });
    const all = selector => [...svg.querySelectorAll(selector)].filter(drawn);
    svg.querySelectorAll('.role-axis').forEach(axis => apart(name + ', axis', [...axis.querySelectorAll('.role-axis-title text, .role-axis-label text')].filter(drawn)));
    apart(name + ', legends', all('.role-legend-label text, .role-legend-title text'));
    svg.querySelectorAll('.role-mark.mark-text').forEach(mark => apart(name + ', texts', [...mark.querySelectorAll(':scope > text')].filter(drawn)));
  });
  return faults;
}

// The checks of texts see a fault when there is one: a label is moved over its neighbour, then out of the picture.
export async function blindChecks(page) {
  const move = which => page.evaluate(which => {
    const seen = group => [...group.querySelectorAll('text')].filter(text => text.textContent !== '' && text.getAttribute('opacity') !== '0');
    const [first, second] = [...document.querySelectorAll('.role-axis-label')].map(seen).find(texts => texts.length > 1);
    second.dataset.was = second.dataset.was || second.getAttribute('transform');
    second.setAttribute('transform', which === 'over' ? first.getAttribute('transform') : which === 'out' ? 'translate(-4000,0)' : second.dataset.was);
  }, which);
  await move('over');
  const overlap = await page.evaluate(textFaults);
  await move('out');
  const outside = await page.evaluate(textFaults);
  await move('back');
  return [...overlap.some(fault => /overlap/.test(fault)) ? [] : ['two labels at one place are not seen'], ...outside.some(fault => /reaches out/.test(fault)) ? [] : ['a label out of its picture is not seen']];
}
