// Times the portable body beside Resize in onnxruntime-web's WebAssembly, interleaved, one thread.
//
//     npm install onnxruntime-web
//     python3 benches/python/portable.py PREP_ONNX --write FOLDER
//     node benches/python/portable_web.mjs FOLDER [ROUNDS]
//
// In each round every one runs for a twentieth of a second. Prints a table: processor time of the process in ms, median and least, the
// ratios, and the ratio of the second runs of all turns, as `portable.py` does.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [folder, rounds = '15'] = process.argv.slice(2);
// The package lies in the folder that this is run from, not beside this file.
const require = createRequire(join(resolve('.'), 'portable_web.mjs'));
const ort = require('onnxruntime-web');
ort.env.wasm.numThreads = 1;

// Of each image, and of a turn, in ms; the fewest runs that are timed in a turn.
const WARM_UP = 3000;
const TURN = 50;
const FEWEST = 2;

const spent = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e3;
};
const sorted = (times) => [...times].sort((a, b) => a - b);
const median = (times) => sorted(times)[times.length >> 1];
const digits = (time) => Number(time.toPrecision(3));

const { version } = JSON.parse(readFileSync(join('node_modules/onnxruntime-web/package.json'), 'utf8'));
console.log(`onnxruntime-web ${version} (Node ${process.version}), one thread, ${rounds} interleaved rounds\n`);
console.log('| image | filter, size | exact, ms | Resize, ms | ratio | fastest order | second runs | session, ms |\n|---|---|---|---|---|---|---|---|');
for (const { width, height, label, models } of JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))) {
  const pixels = new Uint8Array(width * height * 3);
  let state = 1;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[at] = state >>> 24;
  }
  const runs = new Map();
  const created = new Map();
  for (const [order, file] of Object.entries(models)) {
    const bytes = new Uint8Array(readFileSync(join(folder, file)));
    const before = process.cpuUsage();
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 });
    created.set(order, spent(before));
    const feeds = { [session.inputNames[0]]: new ort.Tensor('uint8', pixels, [1, height, width, 3]) };
    const run = () => session.run(feeds);
    try {
      await run();
    } catch (error) {
      console.log(`<!-- ${order}: ${String(error).slice(0, 100)} -->`);
      continue;
    }
    runs.set(order, { run, times: [], seconds: [] });
  }
  // Until the engine has compiled what is hot, on threads whose time would count.
  const start = performance.now();
  for (let round = 0; round < 8 || performance.now() - start < WARM_UP; round += 1) for (const { run } of runs.values()) await run();
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const { run, times, seconds } of runs.values()) {
      await run();
      const begin = process.cpuUsage();
      for (let timed = 0; timed < FEWEST || spent(begin) < TURN; timed += 1) {
        const before = process.cpuUsage();
        await run();
        const time = spent(before);
        times.push(time);
        if (timed === 0) seconds.push(time);
      }
    }
  }
  const { times: ours, seconds } = runs.get('exact');
  const others = [...runs].filter(([order]) => order !== 'exact');
  const [fastest, { times: theirs }] = others.reduce((best, next) => (median(next[1].times) < median(best[1].times) ? next : best));
  const [middle, least] = [median, (times) => sorted(times)[0]].map((of) => [of(ours), of(theirs)]);
  const pair = (at) => `${digits(middle[at])} (${digits(least[at])})`;
  const ratio = ([a, b]) => (a / b).toFixed(2);
  const second = ratio([median(seconds), Math.min(...others.map(([, { seconds }]) => median(seconds)))]);
  console.log(`| ${width}x${height} | ${label} | ${pair(0)} | ${pair(1)} | ${ratio(middle)} (${ratio(least)}) | ${fastest} | ${second} | ${digits(created.get('exact'))} (${digits(created.get(fastest))}) |`);
}
process.exit(0);
