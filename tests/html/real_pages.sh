# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh, which sets skipjoule and source: folders runs, whole and sweep with page.html as the program writes it, report.json and KEY.csv from its other formats (of a sweep: report.json as it stands in the page, its points compared with the CSV).
quiet() { "$@" > .out 2>&1 || { echo "FAULT: $*: $(tail -3 .out)"; exit 1; }; }

# keys FOLDER: the tables of its page.
keys() {
  node -e 'const text = require("fs").readFileSync(process.argv[1], "utf8"); console.log(Object.keys(JSON.parse(text.split(/<script type="application\/json" id="report">/)[1].split("</script>")[0]).tables).join(" "))' "$1/page.html"
}

# page FOLDER RUN...
page() {
  local folder=$1 list
  shift
  mkdir -p "$folder"
  quiet "$skipjoule" report "$@" -o "$folder/page.html" --force
  list=$(keys "$folder")
  "$skipjoule" report "$@" --format json --part "${list// /,}" > "$folder/report.json"
  for key in $list; do
    "$skipjoule" report "$@" --format csv --part "$key" > "$folder/$key.csv"
  done
}

rm -rf made runs whole sweep
mkdir made
quiet "$skipjoule" sim "$source/traces/samples/cnn8-train.h5" --accel edge16 -o "made/<b>edge16</b>" -q
quiet "$skipjoule" sim "$source/traces/samples/cnn8-train.h5" --accel edge16 --set array.slots=4 -o "made/four slots" -q
page runs "made/<b>edge16</b>" "made/four slots"

for method in plain ssprop; do
  quiet "$skipjoule" train "$source/configs/train/glyphs-$method.cfg" --set data.train_images=128 --set data.test_images=64 --set network.width=4 --set epochs=4 --set trace.spread=4 -o made/trained-$method
  quiet "$skipjoule" sim made/trained-$method/trace.h5 --accel edge16 --whole-run -o made/whole-$method -q
done
page whole made/whole-plain made/whole-ssprop

cat > made/sweep.cfg << 'CFG'
name = "pages <b>";  accel = "edge16";  batch = 1;
axes = ( { path = "array.rows"; values = [8, 16]; }, { path = "array.slots"; values = [4, 8]; }, { path = "machine"; values = ["dense", "skip"]; } );
objectives = ["energy_pj", "area_mm2"];
CFG
quiet "$skipjoule" sweep made/sweep.cfg "$source/traces/samples/cnn8-eval.h5" -o made/sweep -q
mkdir sweep
quiet "$skipjoule" report made/sweep -o sweep/page.html
# The report in the page; its points against those that the program writes otherwise.
cat > made/sweep.js << 'JS'
const {readFileSync, writeFileSync} = require('fs');
const text = readFileSync('sweep/page.html', 'utf8').split(/<script type="application\/json" id="report">/)[1].split('</script>')[0].trim();
const {columns, rows} = JSON.parse(text).tables.pareto;
const [head, ...lines] = readFileSync('made/points.csv', 'utf8').trim().split('\n').map(line => line.split(','));
const numbers = ['id', 'energy_pj', 'energy_low_pj', 'energy_high_pj', 'cycles', 'seconds', 'area_mm2', 'edp_pj_s', 'dram_bytes', 'front'];
const points = (all, at) => all.map(cells => JSON.stringify(numbers.map(key => Number(cells[at(key)])))).sort();
const page = points(rows, key => columns.findIndex(column => column.key === (key === 'id' ? 'point' : key)));
if (lines.length < 8 || JSON.stringify(page) !== JSON.stringify(points(lines, key => head.indexOf(key)))) {
  console.log('FAULT: the points in the page of a sweep are not those of its CSV');
  process.exit(1);
}
writeFileSync('sweep/report.json', text);
JS
"$skipjoule" report made/sweep --format csv --part points > made/points.csv
node made/sweep.js
