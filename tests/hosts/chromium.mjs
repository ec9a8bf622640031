// Runs the vectors in Chromium, in each build of onnxruntime-web: every output must have the expected bits, and a session that
// cannot be made must be one of which `doctor --ep webgpu` says so.
//
// usage: node chromium.mjs BROWSER PROGRAM FOLDER [EVERY]
// (FOLDER as the example `vectors` wrote it; EVERY: only each EVERYth model. WebGPU runs on the processor, by SwiftShader.)
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize, resolve } from 'node:path';

// The build and the provider that it is asked for.
const HOSTS = [
  ['wasm', 'wasm'],
  ['webgpu', 'webgpu'],
  ['jspi', 'webgpu'],
];
const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan', '--disable-vulkan-surface'];
// A software GPU compiles the shaders of a session for seconds.
const MOST_MS = 300_000;
const TYPES = { '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

const [executablePath, program, given, every = '1'] = process.argv.slice(2);
const folder = resolve(given);
// The packages lie in the folder that this is run from, not beside this file.
const packages = resolve('node_modules');
const { launch } = createRequire(join(packages, 'chromium.mjs'))('puppeteer-core');
const { version } = JSON.parse(readFileSync(join(packages, 'onnxruntime-web', 'package.json'), 'utf8'));

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  const roots = { '/web/': join(packages, 'onnxruntime-web', 'dist'), '/vectors/': folder };
  const root = Object.keys(roots).find((root) => path.startsWith(root));
  if (!root) return response.setHeader('content-type', 'text/html').end('<!doctype html>');
  try {
    const bytes = await readFile(join(roots[root], path.slice(root.length)));
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream').end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

// What `doctor` says of a model: whether its session fails, whether its values are right.
function known(model) {
  const { stdout } = spawnSync(program, ['doctor', join(folder, model), '--ep', 'webgpu', '--json'], { encoding: 'utf8' });
  return JSON.parse(stdout).findings.map(({ id, effect }) => ({ id, effect }));
}

// In the page: the outcome of each case, and how often the GPU was given work.
async function run(entry, provider) {
  const outcomes = [];
  const bytes = async (file) => new Uint8Array(await (await fetch(`/vectors/${file}`)).arrayBuffer());
  globalThis.dispatches = 0;
  let session;
  try {
    session = await ort.InferenceSession.create(await bytes(entry.model), { executionProviders: [provider], logSeverityLevel: 3 });
  } catch (error) {
    return { failed: String(error.message ?? error) };
  }
  for (const test of entry.cases) {
    const feeds = { [session.inputNames[0]]: new ort.Tensor('uint8', await bytes(test.image), test.image_shape) };
    const output = (await session.run(feeds))[session.outputNames[0]];
    const { buffer, byteOffset, byteLength } = output.data;
    const hash = await crypto.subtle.digest('SHA-256', buffer.slice(byteOffset, byteOffset + byteLength));
    const digest = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const equal = output.dims.join() === test.shape.join() && digest === test.sha256;
    outcomes.push({ image: test.image, equal, got: `[${output.dims}] ${digest.slice(0, 16)}` });
  }
  await session.release();
  return { outcomes, dispatches };
}

async function open(browser, build) {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(async (build) => {
    globalThis.ort = await import(`/web/ort.${build}.bundle.min.mjs`);
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = '/web/';
    for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
      const original = GPUComputePassEncoder.prototype[name];
      GPUComputePassEncoder.prototype[name] = function (...extents) {
        globalThis.dispatches += 1;
        return original.apply(this, extents);
      };
    }
  }, build);
  return page;
}

let wrong = 0;
const complain = (text) => {
  wrong += 1;
  console.log(text);
};
const { models } = JSON.parse(readFileSync(join(folder, 'vectors.json'), 'utf8'));
const chosen = models.filter((_, index) => index % Number(every) === 0);
const args = process.getuid?.() === 0 ? [...SWIFTSHADER, '--no-sandbox'] : SWIFTSHADER;
const browser = await launch({ executablePath, headless: true, protocolTimeout: MOST_MS, args });
for (const [build, provider] of HOSTS) {
  const page = await open(browser, build);
  let [cases, equal, named, onGpu] = [0, 0, 0, 0];
  for (const entry of chosen) {
    // Where a session fails, one does of each kind; images need not be tried.
    const { failed, outcomes, dispatches } = await page.evaluate(run, entry, provider);
    const findings = provider === 'webgpu' ? known(entry.model) : [];
    const fails = findings.some(({ effect }) => effect === 'fails');
    if (failed !== undefined) {
      if (fails) named += 1;
      else complain(`/${build}: ${entry.model}: ${failed}`);
      continue;
    }
    if (fails) complain(`/${build}: ${entry.model}: runs, though doctor says that it fails`);
    onGpu += dispatches > 0;
    for (const outcome of outcomes) {
      cases += 1;
      equal += outcome.equal;
      if (!outcome.equal) complain(`/${build}: differs: ${entry.model} ${outcome.image}: got ${outcome.got}`);
    }
  }
  if (provider === 'webgpu' && !onGpu) complain(`/${build}: nothing ran on the GPU`);
  if (!cases) complain(`/${build}: nothing was compared`);
  await page.close();
  const rest = provider === 'webgpu' ? `; ${onGpu} models with work for the GPU; ${named} fail as doctor says` : '';
  console.log(`onnxruntime-web ${version} /${build} (${await browser.version()}): ${equal} of ${cases} equal${rest}`);
}
await browser.close();
server.close();
process.exit(wrong ? 1 : 0);
