// Runs the vectors in onnxruntime-node or onnxruntime-web: every output must have the expected bits.
//
// usage: node check.mjs onnxruntime-node|onnxruntime-web FOLDER [EVERY]
// (FOLDER as the example `vectors` wrote it; EVERY: only each EVERYth model)
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [host, folder, every = '1'] = process.argv.slice(2);
// The package lies in the folder that this is run from, not beside this file.
const require = createRequire(join(resolve('.'), 'check.mjs'));
const ort = require(host);
if (host === 'onnxruntime-web') ort.env.wasm.numThreads = 1;

// WebAssembly has 4 GB: of results beyond so many values, thin images enlarged, the steps on the way do not fit.
const most = host === 'onnxruntime-web' ? 50e6 : Infinity;
let cases = 0;
let wrong = 0;
let tooLarge = 0;
const { models } = JSON.parse(readFileSync(join(folder, 'vectors.json'), 'utf8'));
for (const [index, entry] of models.entries()) {
  if (index % Number(every) !== 0) continue;
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(join(folder, entry.model))), {
    executionProviders: [host === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    logSeverityLevel: 3,
  });
  for (const test of entry.cases) {
    if (test.shape.reduce((product, extent) => product * extent, 1) > most) {
      tooLarge += 1;
      continue;
    }
    const pixels = new Uint8Array(readFileSync(join(folder, test.image)));
    const feeds = { [session.inputNames[0]]: new ort.Tensor('uint8', pixels, test.image_shape) };
    const output = (await session.run(feeds))[session.outputNames[0]];
    const { buffer, byteOffset, byteLength } = output.data;
    const digest = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength)).digest('hex');
    cases += 1;
    if (output.dims.join() !== test.shape.join() || digest !== test.sha256) {
      wrong += 1;
      console.log(`differs: ${entry.model} ${test.image}: got [${output.dims}] ${digest.slice(0, 16)}`);
    }
  }
  await session.release();
}
const { version } = JSON.parse(readFileSync(join('node_modules', host, 'package.json'), 'utf8'));
console.log(`${host} ${version} (Node ${process.version}): ${cases - wrong} of ${cases} equal${tooLarge ? `; ${tooLarge} results too large for it left out` : ''}`);
process.exit(wrong || !cases ? 1 : 0);
