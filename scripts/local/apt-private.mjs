import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.mjs';
import { lastLine } from './log-files.mjs';
import { withLock } from './locks.mjs';
import { onPath } from './paths.mjs';
import { run } from './processes.mjs';

const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/** Whether this machine can install Debian packages into a private folder. */
export function hasApt() {
  return onPath('apt-get') !== undefined && onPath('dpkg-deb') !== undefined;
}

/**
 * Unpacks a Debian package, with what it needs beyond what this machine has, into a folder of our own: no root, nothing else changes.
 * Two processes at once are kept apart, and an interrupted one leaves nothing half done.
 * @param {string[]} packages
 * @param {string} folder
 * @returns {Promise<string>} the folder, as the root of the unpacked files
 */
export async function installPrivately(packages, folder) {
  const files = join(folder, 'root');
  if (existsSync(join(folder, 'complete'))) return files;
  return withLock(`${folder}.lock`, async () => {
    if (existsSync(join(folder, 'complete'))) return files;
    const draft = `${folder}.new`;
    rmSync(draft, { recursive: true, force: true });
    const [lists, archives] = [join(draft, 'lists'), join(draft, 'archives')];
    for (const path of [lists, archives]) mkdirSync(join(path, 'partial'), { recursive: true });
    const options = [
      `Dir::State::lists=${lists}`,
      `Dir::Cache=${draft}`,
      `Dir::Cache::archives=${archives}`,
      'Debug::NoLocking=1',
      'APT::Sandbox::User=',
    ];
    const apt = [
      'apt-get',
      '-q',
      ...[...options, 'Acquire::Languages=none', 'APT::Update::Post-Invoke-Success='].flatMap((option) => ['-o', option]),
    ];
    await must([...apt, 'update'], packages);
    await must([...apt, 'install', '--yes', '--no-install-recommends', '--download-only', ...packages], packages);
    mkdirSync(join(draft, 'root'));
    for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
      await must(['dpkg-deb', '-x', join(archives, archive), join(draft, 'root')], packages);
    }
    for (const name of readdirSync(draft)) if (name !== 'root') rmSync(join(draft, name), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
    writeFileSync(join(folder, 'complete'), `${packages.join(' ')}\n`);
    return files;
  });
}

/** @param {string[]} command @param {string[]} packages */
async function must(command, packages) {
  const { code, output } = await run(command, { env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } });
  if (code === 0) return;
  const reason = lastLine(output, /^(?:E|dpkg-deb):/);
  throw new LauncherError(`${packages.join(' ')} could not be fetched from the Debian packages of this machine: ${reason}`);
}

/**
 * Environment in which privately unpacked programs find their libraries.
 * @param {string} files root of the unpacked files
 * @param {string[]} [more] further folders, relative to it
 * @returns {NodeJS.ProcessEnv}
 */
export function privateLibraries(files, more = []) {
  const triplet = triplets[/** @type {'x64' | 'arm64'} */ (process.arch)] ?? '';
  const folders = [`usr/lib/${triplet}`, `lib/${triplet}`, 'usr/lib', ...more].map((folder) => join(files, folder));
  const inherited = process.env.LD_LIBRARY_PATH;
  return { ...process.env, LD_LIBRARY_PATH: [...folders, ...(inherited ? [inherited] : [])].join(':') };
}
