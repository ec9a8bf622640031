// Runs models with steps after them in onnxruntime-node or onnxruntime-web: every answer must be the one that was recorded.
//
// usage: node answers.mjs onnxruntime-node|onnxruntime-web FOLDER
// (FOLDER as the example `answers` wrote it; answers.py says how answers are compared)
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [host, folder] = process.argv.slice(2);
// The package lies in the folder that this is run from, not beside this file.
const require = createRequire(join(resolve('.'), 'answers.mjs'));
const ort = require(host);
if (host === 'onnxruntime-web') ort.env.wasm.numThreads = 1;

const ARRAYS = { uint8: Uint8Array, int64: BigInt64Array, float32: Float32Array };

function read({ file, dtype }) {
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  return new ARRAYS[dtype](bytes.buffer, 0, bytes.length / ARRAYS[dtype].BYTES_PER_ELEMENT);
}

// As `distance` in answers.py.
function distance(got, entry) {
  if (got.type !== entry.dtype || got.dims.join() !== entry.shape.join()) return Infinity;
  const expected = read(entry);
  const bytes = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength);
  if (bytes(got.data).equals(bytes(expected))) return 0;
  let apart = 0;
  let differing = 0;
  expected.forEach((value, index) => {
    if (got.data[index] !== value) differing += 1;
    apart = Math.max(apart, Math.abs(Number(got.data[index]) - Number(value)));
  });
  if (entry.dtype === 'uint8') return differing / expected.length;
  return apart > 0 ? apart : Infinity;
}

let outputs = 0;
let equal = 0;
let wrong = 0;
const { models } = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8'));
for (const entry of models) {
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(join(folder, entry.model))), {
    executionProviders: [host === 'onnxruntime-web' ? 'wasm' : 'cpu'],
    logSeverityLevel: 3,
  });
  const feeds = {};
  for (const input of entry.inputs) feeds[input.name] = new ort.Tensor(input.dtype, read(input), input.shape);
  const got = await session.run(feeds);
  for (const output of entry.outputs) {
    const apart = distance(got[output.name], output);
    outputs += 1;
    if (apart === 0) equal += 1;
    if (!(apart <= output.within)) {
      wrong += 1;
      console.log(`differs: ${entry.model} ${output.name}: [${got[output.name].dims}], ${apart} apart`);
    }
  }
  await session.release();
}
const { version } = JSON.parse(readFileSync(join('node_modules', host, 'package.json'), 'utf8'));
console.log(`${host} ${version} (Node ${process.version}): ${outputs - wrong} of ${outputs} answers hold, ${equal} in every bit`);
process.exit(wrong || !outputs ? 1 : 0);
