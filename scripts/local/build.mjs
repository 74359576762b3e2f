import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { withLock } from './locks.mjs';
import { cacheFolder, installedBin, projectEnv, root } from './paths.mjs';
import { run } from './processes.mjs';

const dist = join(root, 'dist');
const serverFolders = ['src', 'migrations'];
const settingFiles = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const playgroundConfig = join('web', 'playground', 'vite.config.ts');

/** Files below a folder, relative to the root of the checkout. @param {string} folder @returns {string[]} */
function filesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}

/** @param {string[]} files */
function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files.toSorted())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

/** @param {string} stamp */
function stampOf(stamp) {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return '';
  }
}

const isSource = (/** @type {string} */ file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.endsWith('.test.ts');
const isAsset = (/** @type {string} */ file) => !/\.(?:ts|tsx|md|snap)$/.test(file) && !file.includes('__fixtures__');
const outputOf = (/** @type {string} */ source) => join(dist, source.replace(/\.ts$/, '.js'));

/**
 * Builds what is not up to date: the server (`dist/src`, `dist/migrations`, with the files that it reads at run time) and the
 * playground page (`dist/web/playground`). Gives the names of the parts that were built. Fails with the compiler's own output.
 * @returns {Promise<string[]>}
 */
export function build() {
  return withLock(join(cacheFolder, 'build.lock'), async () => {
    const built = [(await buildServer()) && 'server', (await buildPlayground()) && 'playground'];
    return built.filter((part) => part !== false);
  });
}

/** @returns {Promise<boolean>} whether there was anything to do */
async function buildServer() {
  const files = serverFolders.flatMap(filesIn);
  const sources = files.filter(isSource);
  const assets = files.filter(isAsset);
  const hash = hashOf([...sources, ...assets, ...settingFiles.filter((file) => existsSync(join(root, file)))]);
  const stamp = join(dist, '.server-hash');
  const complete = [...sources.map(outputOf), ...assets.map((file) => join(dist, file))].every((file) => existsSync(file));
  if (complete && stampOf(stamp) === hash) return false;
  rmSync(stamp, { force: true });
  if (!complete) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  await compile([installedBin('tsc'), '-p', 'tsconfig.build.json', '--pretty', 'false'], 'The server does not compile');
  for (const file of assets) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    copyFileSync(join(root, file), join(dist, file));
  }
  removeStale(new Set([...sources.map(outputOf), ...assets.map((file) => join(dist, file))]));
  writeFileSync(stamp, hash);
  return true;
}

/** Removes outputs whose source is gone. @param {Set<string>} expected */
function removeStale(expected) {
  for (const folder of serverFolders) {
    for (const file of filesIn(join(relative(root, dist), folder))) {
      if (!expected.has(join(root, file.replace(/\.map$/, '')))) rmSync(join(root, file), { force: true });
    }
  }
}

/** @returns {Promise<boolean>} whether there was anything to do */
async function buildPlayground() {
  if (!existsSync(join(root, playgroundConfig))) return false;
  const hash = hashOf([...filesIn('web').filter((file) => !/\.test\.tsx?$/.test(file)), 'package-lock.json']);
  const stamp = join(dist, '.playground-hash');
  if (existsSync(join(dist, 'web', 'playground', 'index.html')) && stampOf(stamp) === hash) return false;
  rmSync(stamp, { force: true });
  await compile([installedBin('vite'), 'build', '--config', playgroundConfig, '--logLevel', 'warn'], 'The playground page does not build');
  mkdirSync(dist, { recursive: true });
  writeFileSync(stamp, hash);
  return true;
}

/** @param {string[]} command @param {string} sentence */
async function compile(command, sentence) {
  const { code, output } = await run(command, { cwd: root, env: projectEnv({ NODE_ENV: 'production' }) });
  if (code !== 0) throw new LauncherError(`${sentence}:`, output.trim());
}
