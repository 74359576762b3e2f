import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LauncherError } from '../scripts/local/launcher-error.mjs';
import { withLock } from '../scripts/local/locks.mjs';
import { cacheFolder } from '../scripts/local/paths.mjs';
import { run } from '../scripts/local/processes.mjs';

/** The peer: an open-source gateway of the same kind, of this version. */
export const portkeyVersion = '1.15.2';

const name = '@portkey-ai/gateway';
/** Its web server as in its own lock file: with the newest that its ranges allow it fails every request (its issue 1389). */
const manifest = {
  private: true,
  dependencies: { [name]: portkeyVersion },
  overrides: { '@hono/node-server': '1.13.5', hono: '4.9.7' },
};

/** The program of the peer, which is no dependency of ours: installs it into a private folder where it is not there yet. Throws LauncherError. */
export function portkeyProgram(say: (line: string) => void): Promise<string> {
  const folder = join(cacheFolder, `portkey-gateway-${portkeyVersion}`);
  const program = join(folder, 'node_modules', name, 'build', 'start-server.js');
  return withLock(`${folder}.lock`, async () => {
    if (existsSync(program) && versionOf(folder) === portkeyVersion) return program;
    say(`installing ${name} ${portkeyVersion} into ${folder}; this happens once`);
    await install(folder);
    if (!existsSync(program))
      throw new LauncherError(`The package ${name} ${portkeyVersion} has no build/start-server.js: was it replaced?`);
    return program;
  });
}

function versionOf(folder: string): string | undefined {
  const file = join(folder, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version;
}

/** Under another name first, so that an interrupted installation leaves no half of one. */
async function install(folder: string): Promise<void> {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, 'package.json'), JSON.stringify(manifest));
  const own = process.env['npm_execpath'];
  const npm = own !== undefined && /npm-cli\.c?js$/.test(own) ? [process.execPath, own] : ['npm'];
  // Its install scripts only patch development tools.
  const command = [...npm, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const { code, output } = await run(command, { cwd: draft, env: npmEnv() });
  if (code !== 0) {
    const reason = output.split('\n').find((line) => /^npm (?:error|ERR!) /.test(line)) ?? `npm ended with exit code ${code}`;
    throw new LauncherError(
      `The peer ${name} ${portkeyVersion} could not be installed (${reason}); it takes npm's registry: try again online, or leave out "gateway".`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
}

/** Without what the npm that runs the benchmark tells its scripts. */
function npmEnv(): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const entries = Object.entries(process.env).filter(([key]) => !/^npm_(?:package|lifecycle|config_(?:local_prefix|global))/.test(key));
  return { ...Object.fromEntries(entries), PATH: path.join(delimiter) };
}
