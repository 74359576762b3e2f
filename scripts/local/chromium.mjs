import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasApt, installPrivately, privateLibraries } from './apt-private.mjs';
import { LauncherError } from './launcher-error.mjs';
import { lastLine } from './log-files.mjs';
import { cacheFolder, onPath } from './paths.mjs';
import { run } from './processes.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * Path of a Chromium for browser tests: CHROMIUM_PATH, one on PATH, else Debian's, installed as root or unpacked into a folder of our own.
 * @returns {Promise<string>}
 */
export async function chromiumPath() {
  const found = process.env.CHROMIUM_PATH || names.map(onPath).find((path) => path !== undefined);
  if (found !== undefined) return found;
  if (!hasApt())
    throw new LauncherError(
      'Browser tests need Chromium, and this machine has no apt to fetch it with: install Chromium, or set CHROMIUM_PATH.',
    );
  return process.getuid?.() === 0 ? installForAll() : privateChromium(join(cacheFolder, 'chromium'));
}

async function installForAll() {
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  await run(['apt-get', '-q', 'update'], { env });
  const { code, output } = await run(['apt-get', '-q', 'install', '--yes', '--no-install-recommends', 'chromium'], { env });
  const path = names.map(onPath).find((candidate) => candidate !== undefined);
  if (code === 0 && path !== undefined) return path;
  throw new LauncherError(`Browser tests need Chromium, and it could not be installed: ${lastLine(output, /^E:/)}`);
}

/**
 * Unpacks Chromium and its libraries without root, behind a script that lets it find them.
 * @param {string} folder
 * @returns {Promise<string>}
 */
export async function privateChromium(folder) {
  const files = await installPrivately(['chromium', 'fonts-liberation'], folder);
  const starter = join(folder, 'chromium');
  if (existsSync(starter)) return starter;
  const program = join(files, 'usr', 'lib', 'chromium', 'chromium');
  if (!existsSync(program))
    throw new LauncherError(
      `The Chromium package of this machine is not what is expected (${program} is missing): install Chromium, or set CHROMIUM_PATH.`,
    );
  const lib = join(files, 'usr', 'lib');
  const nested = readdirSync(lib, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && /^lib.*\.so/.test(entry.name),
  );
  const folders = [...new Set(nested.map((entry) => join('usr', 'lib', entry.parentPath.slice(lib.length + 1))))].filter(
    (path) => !path.endsWith('chromium'),
  );
  const { LD_LIBRARY_PATH } = privateLibraries(files, folders);
  const fonts = existsSync('/etc/fonts/fonts.conf')
    ? ''
    : `export FONTCONFIG_PATH='${join(files, 'etc', 'fonts')}' FONTCONFIG_SYSROOT='${files}'\n`;
  writeFileSync(starter, `#!/bin/sh\nexport LD_LIBRARY_PATH='${LD_LIBRARY_PATH}'\n${fonts}exec '${program}' --no-sandbox "$@"\n`);
  chmodSync(starter, 0o755);
  return starter;
}
