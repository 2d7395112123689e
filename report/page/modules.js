// SPDX-License-Identifier: Apache-2.0
// The page's one global, and a loader for Vega's modules: each registers a factory with the names of what it needs.
'use strict';
window.skipjoule = {charts: {}, problems: []};
(() => {
  const factories = {};
  const loaded = {};
  skipjoule.module = (name, body) => {
    const define = (needs, factory) => { factories[name] = {needs, factory}; };
    define.amd = true;
    body.call(window, define);
  };
  skipjoule.require = name => {
    if (!(name in loaded)) {
      const exported = loaded[name] = {};
      const {needs, factory} = factories[name];
      factory(...needs.map(need => need === 'exports' ? exported : skipjoule.require(need)));
    }
    return loaded[name];
  };
})();
