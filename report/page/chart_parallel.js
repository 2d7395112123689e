// SPDX-License-Identifier: Apache-2.0
// Data of the chart "parallel": one row an axis or objective that differs between points, positions from 0 to 1 along it, the ends' texts, colours by the first objective. A sentence where there is nothing to draw.
'use strict';
skipjoule.prepare = {
  parallel: (rows, columns) => {
    const objective = /_pj$|^cycles$|^seconds$|_mm2$|_bytes$|_w$/;
    const identity = ['point', 'front'];
    const asText = value => value === null ? 'none' : String(value);
    const dimensions = columns.filter(column => !identity.includes(column.key) && new Set(rows.map(row => row[column.key])).size > 1).map(column => {
      const unit = skipjoule.unitOf(column.unit, column.largest);
      const values = [...new Set(rows.map(row => row[column.key]))];
      const numbers = values.filter(value => typeof value === 'number');
      const numeric = numbers.length === values.filter(value => value !== null).length;
      const stepped = !numeric || (values.length <= 8 && !objective.test(column.key));
      const sorted = numeric ? values.slice().sort((a, b) => a - b) : values;
      const low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
      const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
      const place = value => value === null ? null : stepped ? sorted.indexOf(value) / Math.max(1, sorted.length - 1) : high > low ? (value - low) / (high - low) : 0.5;
      const show = value => numeric ? Number((value / unit.per).toPrecision(4)).toLocaleString('en') : asText(value);
      return {key: column.key, label: column.title + (numeric && unit.name ? ', ' + unit.name : ''), numeric, place, show, values: stepped ? sorted : [low, high]};
    });
    if (dimensions.length === 0) {
      return 'Nothing to draw: all points are alike.';
    }
    const first = dimensions.find(dimension => objective.test(dimension.key)) || dimensions.find(dimension => dimension.numeric);
    const long = [];
    const ends = [];
    const strength = Math.max(0.12, Math.min(0.75, 60 / rows.length));
    rows.forEach((row, index) => {
      const shade = first ? first.place(row[first.key]) : 0.5;
      const all = ['point ' + row.point, ...dimensions.map(dimension => dimension.label + ': ' + (row[dimension.key] === null ? 'none' : dimension.show(row[dimension.key])))].join('\n');
      dimensions.filter(dimension => row[dimension.key] !== null).forEach(dimension => {
        long.push({row: index, point: row.point, key: dimension.key, position: dimension.place(row[dimension.key]), shade, all, strength});
      });
    });
    dimensions.forEach(dimension => {
      const few = dimension.values.length <= 8 ? dimension.values : [dimension.values[0], dimension.values[dimension.values.length - 1]];
      few.forEach((value, i) => ends.push({key: dimension.key, position: dimension.place(value), text: dimension.show(value), align: i === 0 ? 'left' : i === few.length - 1 ? 'right' : 'center', room: 1 / few.length}));
    });
    return {dimensions: dimensions.map(({key, label}) => ({key, label, first: first !== undefined && key === first.key})), long, ends};
  },
};
